/* Edge-triggered epoll; the server reads until EAGAIN. */
#include "target.h"

int main(void) {
    int listener = listen_on(8101), epoll = epoll_create1(0);
    set_nonblocking(listener);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.fd = listener};
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) == 0);
    for (;;) {
        CHECK(epoll_wait(epoll, &event, 1, -1) == 1);
        int fd = event.data.fd;
        if (fd == listener) {
            while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                event = (struct epoll_event){.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.fd = fd};
                CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
            }
            continue;
        }
        char request[100];
        ssize_t len, total = 0;
        while ((len = read(fd, request, sizeof request)) > 0) {
            if (!total) log_first_line(request, len);
            total += len;
        }
        if (total) respond(fd, "%zd bytes\n", total);
        if (len == 0) close(fd);
    }
}
