/* Reuses the same sets after a signal has interrupted select or pselect, because an error leaves them unchanged. */
#include "target.h"
#include <sys/time.h>

static void note(int signal) { (void)signal; }

static void expect_interruption(int result, int fd, const fd_set *set, const fd_set *before) {
    CHECK(result == -1 && errno == EINTR);
    CHECK(FD_ISSET(fd, set) && memcmp(set, before, sizeof *set) == 0);
}

int main(void) {
    struct sigaction action = {.sa_handler = note};
    struct itimerval soon = {.it_value.tv_usec = 1000};
    sigset_t blocked, none;
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0 && sigaction(SIGALRM, &action, NULL) == 0);
    CHECK(sigprocmask(SIG_BLOCK, &blocked, NULL) == 0);
    int listener = listen_on(8101);
    fd_set set, before;
    for (;;) {
        FD_ZERO(&set);
        FD_SET(listener, &set);
        before = set;
        CHECK(raise(SIGUSR1) == 0);
        expect_interruption(pselect(listener + 1, &set, NULL, NULL, NULL, &none), listener, &set, &before);
        CHECK(select(listener + 1, &set, NULL, NULL, NULL) == 1 && FD_ISSET(listener, &set));
        int fd = accept(listener, NULL, NULL);
        CHECK(fd >= 0);
        while (serve_once(fd)) {}
        /* The client waits until the connection is closed. */
        CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
        expect_interruption(select(listener + 1, &set, NULL, NULL, NULL), listener, &set, &before);
        close(fd);
    }
}
