/* Waits in pselect. */
#include "event_loop.h"

static int wait_readable(int listener, int connection) {
    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(listener, &readable);
    if (connection >= 0) FD_SET(connection, &readable);
    int highest = connection > listener ? connection : listener;
    CHECK(pselect(highest + 1, &readable, NULL, NULL, NULL, NULL) > 0);
    return connection >= 0 && FD_ISSET(connection, &readable) ? connection : listener;
}
