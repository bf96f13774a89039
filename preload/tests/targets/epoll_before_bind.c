/* Registers a socket with epoll before it is bound, edge-triggered, as Boost.Asio does. */
#include "target.h"

int main(void) {
    int epoll = epoll_create1(0), listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(8171)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct epoll_event event = {.events = EPOLLIN | EPOLLPRI | EPOLLET, .data.u64 = 0x123456789abcdef};
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) == 0);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(listener, 16) == 0);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) < 0 && errno == EEXIST);
    for (;;) {
        CHECK(epoll_wait(epoll, &event, 1, -1) == 1);
        CHECK((event.events & EPOLLIN) && event.data.u64 == 0x123456789abcdef);
        int fd;
        while ((fd = accept(listener, NULL, NULL)) >= 0) serve(fd);
    }
}
