/* Waits in select with sets of the minimal size, each directly followed by other data of the server. */
#include "event_loop.h"

struct small {
    unsigned long bits, behind;
};

static int wait_readable(int listener, int connection) {
    static unsigned long round;
    struct small readable = {.bits = 1ul << listener, .behind = ++round};
    if (connection >= 0) readable.bits |= 1ul << connection;
    /* A hook that copies more than the first word also copies `behind`, and may restore an old value. */
    for (int ready = 0; ready == 0;) {
        struct timeval limit = {.tv_usec = 1000};
        struct small asked = readable;
        ready = select(64, (fd_set *)&asked.bits, NULL, NULL, &limit);
        CHECK(ready >= 0 && asked.behind == round);
        if (ready) readable = asked;
    }
    return connection >= 0 && readable.bits & 1ul << connection ? connection : listener;
}
