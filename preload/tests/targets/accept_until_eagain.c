/* Accepts from a non-blocking listener until EAGAIN. */
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
