/* Epoll instance with several descriptors: the server registers through one, waits on another, and closes the first. */
#include "event_loop.h"

static int wait_readable(int listener, int connection) {
    static int first, second, added = -1;
    struct epoll_event event = {.events = EPOLLIN};
    if (!second) {
        CHECK((first = epoll_create1(EPOLL_CLOEXEC)) > 0);
        event.data.fd = listener;
        CHECK(epoll_ctl(first, EPOLL_CTL_ADD, listener, &event) == 0);
        CHECK((second = dup(first)) > 0);
    }
    if (connection != added) {
        added = event.data.fd = connection;
        if (connection >= 0) {
            CHECK(epoll_ctl(second, EPOLL_CTL_ADD, connection, &event) == 0);
            CHECK(epoll_ctl(second, EPOLL_CTL_ADD, connection, &event) == -1 && errno == EEXIST);
        }
    }
    int third = fcntl(second, F_DUPFD_CLOEXEC, 0);
    if (first) CHECK(close(first) == 0);
    first = 0;
    CHECK(epoll_wait(third, &event, 1, -1) == 1 && close(third) == 0);
    return event.data.fd;
}
