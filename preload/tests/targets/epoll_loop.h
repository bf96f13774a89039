/* Event loop over an epoll instance; `WAIT(epoll, event)` waits for one event. */

#include "event_loop.h"

static int wait_readable(int listener, int connection) {
    static int epoll, added = -1;
    struct epoll_event event = {.events = EPOLLIN};
    if (!epoll) {
        CHECK((epoll = epoll_create1(EPOLL_CLOEXEC)) > 0);
        event.data.fd = listener;
        CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) == 0);
    }
    if (connection != added) {
        added = event.data.fd = connection;
        if (connection >= 0) CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, connection, &event) == 0);
    }
    CHECK(WAIT(epoll, &event) == 1);
    return event.data.fd;
}
