/* Accepts by accept4(2) with both flags; the connection must have both. */
#include "target.h"

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
        CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        struct pollfd readable = {.fd = fd, .events = POLLIN};
        do CHECK(poll(&readable, 1, -1) == 1);
        while (serve_once(fd));
        close(fd);
    }
}
