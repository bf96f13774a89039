/* Answers and logs libc's pseudo-random numbers. Every second request also seeds them and draws again. */
#include "target.h"
#include <stdlib.h>

static void append(char *line) {
    unsigned short own[3] = {1, 2, 3};
    line += strlen(line);
    sprintf(line, "%d %ld %ld %ld %.9f %ld ", rand(), random(), lrand48(), mrand48(), drand48(), nrand48(own));
}

int main(void) {
    unsigned short parameters[7] = {1, 2, 3, 4, 5, 6, 7};
    int listener = listen_on(8147), count = 0;
    static char state[64];
    /* Seeds at start-up, so that iterations do not begin with libc's initial state. */
    srand(4711);
    for (int i = 0; i < 10; i++) rand();
    if (getenv("TARGET_OWN_STATE")) initstate(17, state, sizeof state);
    if (getenv("TARGET_PARAMETERS")) lcong48(parameters);
    else srand48(42);
    for (;;) {
        char request[4096], line[1024] = "";
        int fd = accept(listener, NULL, NULL);
        CHECK(read(fd, request, sizeof request) > 0);
        append(line);
        append(line);
        if (count++ % 2) {
            /* Seeds that apply to this request only. */
            srandom(3);
            srand48(count);
            append(line);
        }
        /* Only the part that every request has is logged. */
        char *end = line;
        for (int words = 0; words < 12; words++) end = strchr(end, ' ') + 1;
        log_line(line, (int)(end - line));
        respond(fd, "%s\n", line);
        close(fd);
    }
}
