/* Never waits, but asks poll again and again. */
#include "event_loop.h"

static int wait_readable(int listener, int connection) {
    struct pollfd fds[] = {{.fd = connection, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
    int count;
    while ((count = poll(fds, 2, 0)) == 0) {}
    CHECK(count > 0);
    return fds[0].revents ? connection : listener;
}
