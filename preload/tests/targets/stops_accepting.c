/* Event loop that stops watching its listener at "GET /stop" and never resumes. */
#include "target.h"

int main(void) {
    int listener = listen_on(8101), epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) == 0);
    for (;;) {
        CHECK(epoll_wait(epoll, &event, 1, -1) == 1);
        int fd = event.data.fd;
        char request[9];
        if (fd == listener) {
            event.data.fd = accept(listener, NULL, NULL);
            CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event) == 0);
            continue;
        }
        if (recv(fd, request, 9, MSG_PEEK) == 9 && !memcmp(request, "GET /stop", 9))
            epoll_ctl(epoll, EPOLL_CTL_DEL, listener, NULL);
        if (!serve_once(fd)) close(fd);
    }
}
