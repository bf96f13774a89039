/* Serves each connection in a thread, which waits by poll, select or epoll in turn before it reads. */
#include "session_thread_each.h"

static void wait_in_poll(int fd) {
    struct pollfd own = {.fd = fd, .events = POLLIN};
    CHECK(poll(&own, 1, -1) == 1 && own.revents);
}

static void wait_in_select(int fd) {
    fd_set own;
    FD_ZERO(&own);
    FD_SET(fd, &own);
    CHECK(select(fd + 1, &own, NULL, NULL, NULL) == 1 && FD_ISSET(fd, &own));
}

static void wait_in_epoll(int fd) {
    struct epoll_event event = {.events = EPOLLIN};
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0 && epoll_wait(epoll, &event, 1, -1) == 1);
    close(epoll);
}

static void (*const ways[])(int) = {wait_in_poll, wait_in_select, wait_in_epoll};

static void serve_connection(int number) {
    int turn = number;
    do ways[turn++ % 3](connections[number]);
    while (see(number, connections[number], ""));
}
