/* A signal arrives at about the time of the first wait, TARGET_DELAY microseconds after listen(2). The process that
   serves has handled it, or its timer is still running. */
#include "target.h"
#include <sys/time.h>

static volatile sig_atomic_t handled;

static void handle(int signal) {
    (void)signal;
    handled++;
}

int main(void) {
    const char *delay = getenv("TARGET_DELAY");
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
    struct itimerval timer = {.it_value.tv_usec = delay ? atoi(delay) : 100};
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    int listener = listen_on(8101);
    CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        CHECK(fd >= 0 && getitimer(ITIMER_REAL, &timer) == 0);
        CHECK(handled == 1 || timer.it_value.tv_sec || timer.it_value.tv_usec);
        serve(fd);
    }
}
