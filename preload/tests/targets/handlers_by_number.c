/* Installs signal handlers by the number of the system call (rt_sigaction). */
#include "leaves_waits.h"
#include <sys/syscall.h>

/* The kernel's struct sigaction. */
struct action {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)(void);
    unsigned long mask;
};

static long exchange(int number, const struct action *new, struct action *old) {
    return syscall(SYS_rt_sigaction, number, new, old, sizeof new->mask);
}

static void install(int number, void (*handler)(int)) {
    struct sigaction libcs = {.sa_handler = SIG_IGN};
    struct action action, now;
    CHECK(sigaction(number, &libcs, NULL) == 0 && exchange(number, NULL, &action) == 0);
    CHECK(action.handler == SIG_IGN && !(action.flags & SA_SIGINFO));
    action.handler = handler;
    action.flags |= SA_RESTART;
    action.mask = 1;
    CHECK(exchange(number, &action, NULL) == 0);
    CHECK(exchange(number, NULL, &now) == 0 && !memcmp(&now, &action, sizeof now));
    CHECK(sigaction(number, NULL, &libcs) == 0 && libcs.sa_handler == handler);
    CHECK((libcs.sa_flags & (SA_SIGINFO | SA_RESTART)) == SA_RESTART);
    CHECK(sigismember(&libcs.sa_mask, 1) && !sigismember(&libcs.sa_mask, number));
}

int main(void) {
    struct action action;
    CHECK(syscall(SYS_rt_sigaction, SIGUSR1, NULL, &action, 4) == -1 && errno == EINVAL);
    CHECK(exchange(65, NULL, &action) == -1 && errno == EINVAL);
    CHECK(exchange(SIGKILL, &(struct action){.handler = SIG_IGN}, NULL) == -1 && errno == EINVAL);
    CHECK(exchange(SIGUSR1, (void *)1, NULL) == -1 && errno == EFAULT);
    CHECK(exchange(SIGUSR1, NULL, (void *)1) == -1 && errno == EFAULT);
    serve_for_ever();
}
