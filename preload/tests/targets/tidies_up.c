/* Keeps state after a request until there is no request for a second. Each request sets entry 64 of AFL++'s coverage
   map if there was no state, and entry 65 if there was. */
#include "target.h"

extern unsigned char *__afl_area_ptr;

int main(void) {
    int listener = listen_on(8101), kept = 0;
    for (;;) {
        struct pollfd watched = {.fd = listener, .events = POLLIN};
        if (poll(&watched, 1, 1000) == 0) {
            kept = 0;
            continue;
        }
        int connection = accept(listener, NULL, NULL);
        char request[256];
        if (read(connection, request, sizeof request) > 0) __afl_area_ptr[64 + kept] = 1;
        kept = 1;
        close(connection);
    }
}
