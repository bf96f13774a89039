/* A non-blocking listener, accepted from until there is nothing left. */
#include "target.h"

int main(void) {
    int listener = listen_on(8101);
    set_nonblocking(listener);
    for (;;) {
        struct pollfd readable = {.fd = listener, .events = POLLIN};
        CHECK(poll(&readable, 1, -1) == 1);
        int fd, accepted = 0;
        while ((fd = accept(listener, NULL, NULL)) >= 0) {
            accepted++;
            serve(fd);
        }
        CHECK(errno == EAGAIN && accepted == 1);
    }
}
