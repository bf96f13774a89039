/* Never waits, but asks select again and again. */
#include "event_loop.h"

static int wait_readable(int listener, int connection) {
    fd_set readable;
    int highest = connection > listener ? connection : listener, count;
    do {
        struct timeval none = {0};
        FD_ZERO(&readable);
        FD_SET(listener, &readable);
        if (connection >= 0) FD_SET(connection, &readable);
        count = select(highest + 1, &readable, NULL, NULL, &none);
    } while (count == 0);
    CHECK(count > 0);
    return connection >= 0 && FD_ISSET(connection, &readable) ? connection : listener;
}
