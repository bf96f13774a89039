/* Waits in ppoll. */
#include "event_loop.h"

static int wait_readable(int listener, int connection) {
    struct pollfd fds[] = {{.fd = connection, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
    CHECK(ppoll(fds, 2, NULL, NULL) > 0);
    return fds[0].revents ? connection : listener;
}
