/* The signal for arrived data is blocked except while the server waits, in ppoll, pselect and epoll_pwait in turn. */
#include "target.h"

static volatile sig_atomic_t arrived;

static void note(int signal) {
    (void)signal;
    arrived = 1;
}

/* Waits for a connection with the signal mask `mask`. */
static int wait_masked(int listener, int epoll, const sigset_t *mask) {
    static int turn;
    struct pollfd one = {.fd = listener, .events = POLLIN};
    struct epoll_event event;
    fd_set set;
    FD_ZERO(&set);
    FD_SET(listener, &set);
    switch (turn++ % 3) {
    case 0: return ppoll(&one, 1, NULL, mask);
    case 1: return pselect(listener + 1, &set, NULL, NULL, NULL, mask);
    default: return epoll_pwait(epoll, &event, 1, -1, mask);
    }
}

int main(void) {
    struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGIO);
    CHECK(sigaction(SIGIO, &action, NULL) == 0 && sigprocmask(SIG_BLOCK, &blocked, &before) == 0);
    int listener = listen_on(8101), epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) == 0);
    for (;;) {
        while (wait_masked(listener, epoll, &before) < 0) CHECK(errno == EINTR);
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        CHECK(fd >= 0 && fcntl(fd, F_SETOWN, getpid()) == 0);
        CHECK(fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC) == 0);
        while (serve_once(fd)) {
            CHECK(wait_masked(listener, epoll, &before) == -1 && errno == EINTR && arrived);
            arrived = 0;
        }
        close(fd);
    }
}
