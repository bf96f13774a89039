/* eventfd, timerfd and signalfd in the same epoll instance as the listener. */
#include "target.h"
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

static void watch(int epoll, int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

int main(void) {
    int listener = listen_on(8101), epoll = epoll_create1(0);
    int events = eventfd(0, 0), timer = timerfd_create(CLOCK_MONOTONIC, 0), signals;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    CHECK((signals = signalfd(-1, &set, 0)) >= 0);
    struct itimerspec soon = {.it_value.tv_nsec = 1000000};
    CHECK(timerfd_settime(timer, 0, &soon, NULL) == 0);
    CHECK(eventfd_write(events, 1) == 0);
    CHECK(raise(SIGUSR1) == 0);
    int fds[] = {listener, events, timer, signals};
    for (int i = 0; i < 4; i++) watch(epoll, fds[i]);
    set_nonblocking(listener);
    char bytes[256];
    for (int seen = 0;;) {
        struct epoll_event event;
        CHECK(epoll_wait(epoll, &event, 1, -1) == 1);
        int fd = event.data.fd;
        if (fd == listener)
            watch(epoll, accept4(listener, NULL, NULL, SOCK_NONBLOCK));
        else if (fd == events || fd == timer || fd == signals)
            CHECK(read(fd, bytes, sizeof bytes) > 0 && ++seen <= 3);
        else if (!serve_once(fd))
            close(fd);
    }
}
