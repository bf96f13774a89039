/* Epoll instance that is registered with another one; the server waits on the outer one. */
#include "target.h"

static void watch(int epoll, int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

int main(void) {
    int listener = listen_on(8101), inner = epoll_create1(0), outer = epoll_create1(0);
    set_nonblocking(listener);
    watch(inner, listener);
    watch(outer, inner);
    for (;;) {
        struct epoll_event event;
        CHECK(epoll_wait(outer, &event, 1, -1) == 1 && event.data.fd == inner);
        CHECK(epoll_wait(inner, &event, 1, 0) == 1);
        if (event.data.fd == listener)
            watch(inner, accept4(listener, NULL, NULL, SOCK_NONBLOCK));
        else if (!serve_once(event.data.fd))
            close(event.data.fd);
    }
}
