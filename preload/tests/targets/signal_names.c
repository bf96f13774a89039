/* Older functions that set signal handlers, each as its manual page describes it. */
#include "target.h"
#include <sys/time.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

extern sighandler_t bsd_signal(int, sighandler_t), sigset(int, sighandler_t);
extern int sigignore(int);

#define HOLD ((sighandler_t)2)

static volatile sig_atomic_t handled;

static void note(int signal) {
    (void)signal;
    handled++;
}

static int flags_of(int number) {
    struct sigaction action;
    CHECK(sigaction(number, NULL, &action) == 0);
    return action.sa_flags & (SA_RESTART | SA_RESETHAND | SA_NODEFER | SA_SIGINFO);
}

static sighandler_t handler_of(int number) {
    struct sigaction action;
    CHECK(sigaction(number, NULL, &action) == 0);
    return action.sa_handler;
}

static void check_names(void) {
    CHECK(signal(SIGUSR1, SIG_ERR) == SIG_ERR && errno == EINVAL);
    CHECK(signal(SIGKILL, note) == SIG_ERR && errno == EINVAL);
    CHECK(signal(65, note) == SIG_ERR && errno == EINVAL);
    CHECK(signal(SIGUSR1, note) == SIG_DFL && flags_of(SIGUSR1) == SA_RESTART);
    CHECK(siginterrupt(SIGUSR1, 1) == 0 && flags_of(SIGUSR1) == 0 && handler_of(SIGUSR1) == note);
    CHECK(bsd_signal(SIGUSR1, note) == note && flags_of(SIGUSR1) == 0);
    CHECK(siginterrupt(SIGUSR1, 0) == 0 && flags_of(SIGUSR1) == SA_RESTART);

    CHECK(sysv_signal(SIGUSR1, note) == note && flags_of(SIGUSR1) == (int)(SA_RESETHAND | SA_NODEFER));
    handled = 0;
    CHECK(raise(SIGUSR1) == 0 && handled == 1 && handler_of(SIGUSR1) == SIG_DFL);

    CHECK(sigset(SIGUSR2, note) == SIG_DFL && sigset(SIGUSR2, HOLD) == note && sigset(SIGUSR2, HOLD) == HOLD);
    handled = 0;
    CHECK(raise(SIGUSR2) == 0 && handled == 0);
    CHECK(sigset(SIGUSR2, note) == HOLD && handled == 1);
    CHECK(sigignore(SIGUSR2) == 0 && raise(SIGUSR2) == 0 && handled == 1);
    CHECK(signal(SIGUSR2, SIG_DFL) == SIG_IGN);
}

int main(void) {
    struct itimerval soon = {.it_value.tv_usec = 1000};
    check_names();
    CHECK(signal(SIGALRM, note) == SIG_DFL && siginterrupt(SIGALRM, 1) == 0);
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        CHECK(fd >= 0);
        serve(fd);
        /* The next input has not arrived yet. */
        CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
        handled = 0;
        while ((fd = accept(listener, NULL, NULL)) >= 0) serve(fd);
        CHECK(errno == EINTR && handled == 1);
    }
}
