/* Waits in poll. */
#include "event_loop.h"

static int wait_readable(int listener, int connection) {
    struct pollfd fds[] = {{.fd = connection, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
    CHECK(poll(fds, 2, -1) > 0);
    return fds[0].revents ? connection : listener;
}
