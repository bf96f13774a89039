/* A new descriptor gets the lowest free number, and a closed descriptor is invalid in every call. */
#include "target.h"

int main(void) {
    int listener = listen_on(8101), lowest = -1;
    char byte;
    for (int round = 0;; round++) {
        int fd = accept(listener, NULL, NULL);
        if (lowest < 0) lowest = fd;
        CHECK(fd == lowest && fcntl(fd, F_GETFD) == 0);
        serve(fd);
        struct pollfd closed = {.fd = fd, .events = POLLIN};
        switch (round % 6) {
        case 0: CHECK(read(fd, &byte, 1) == -1 && errno == EBADF); break;
        case 1: CHECK(write(fd, &byte, 1) == -1 && errno == EBADF); break;
        case 2: CHECK(poll(&closed, 1, 0) == 1 && closed.revents == POLLNVAL); break;
        case 3: CHECK(close(fd) == -1 && errno == EBADF); break;
        case 4: CHECK(open("/dev/null", O_RDONLY) == lowest && close(lowest) == 0); break;
        case 5: break;
        }
    }
}
