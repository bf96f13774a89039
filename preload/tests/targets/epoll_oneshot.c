/* EPOLLEXCLUSIVE for the listener, EPOLLONESHOT for the connection. */
#include "target.h"

static void watch(int epoll, int operation, int fd, unsigned events) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    CHECK(epoll_ctl(epoll, operation, fd, &event) == 0);
}

int main(void) {
    int listener = listen_on(8101), epoll = epoll_create1(0);
    set_nonblocking(listener);
    watch(epoll, EPOLL_CTL_ADD, listener, EPOLLIN | EPOLLEXCLUSIVE);
    for (;;) {
        struct epoll_event event;
        CHECK(epoll_wait(epoll, &event, 1, -1) == 1);
        if (event.data.fd == listener) {
            int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
            watch(epoll, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLONESHOT);
        } else if (serve_once(event.data.fd)) {
            watch(epoll, EPOLL_CTL_MOD, event.data.fd, EPOLLIN | EPOLLONESHOT);
        } else {
            close(event.data.fd);
        }
    }
}
