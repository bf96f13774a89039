/* Makes raw system calls in a thread that blocks every signal. The server has its own handler for SIGSYS, the signal
   that traps such calls. */
#include "by_number.h"
#include "raw.h"

__attribute__((always_inline)) static inline long call(long number, long a, long b, long c, long d, long e, long f) {
    return raw(number, a, b, c, d, e, f);
}

static volatile sig_atomic_t handled;

static void count(int number) { handled += number == SIGSYS; }

static void *run(void *unused) {
    sigset_t all;
    sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, NULL) == 0);
    CHECK(CALL(rt_sigprocmask, SIG_SETMASK, &all, NULL, SIGNAL_SET, 0, 0) == 0);
    serve_for_ever();
    return unused;
}

int main(void) {
    struct sigaction action = {.sa_handler = count}, now;
    pthread_t thread;
    CHECK(sigaction(SIGSYS, &action, NULL) == 0);
    CHECK(sigaction(SIGSYS, NULL, &now) == 0 && now.sa_handler == count);
    CHECK(raise(SIGSYS) == 0 && handled == 1);
    CHECK(signal(SIGSYS, SIG_IGN) == count);
    CHECK(raise(SIGSYS) == 0 && handled == 1);
    CHECK(pthread_create(&thread, NULL, run, NULL) == 0);
    pthread_join(thread, NULL);
}
