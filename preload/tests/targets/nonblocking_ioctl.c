/* Sets FIONBIO on the listener, sets and clears it on the connection, and asks for FIONREAD. */
#include "target.h"
#include <sys/ioctl.h>

static void await(int fd) {
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    CHECK(poll(&ready, 1, -1) == 1);
}

int main(void) {
    int listener = listen_on(8101), on = 1, off = 0, waiting;
    CHECK(ioctl(listener, FIONBIO, &on) == 0);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) {
            CHECK(errno == EAGAIN);
            await(listener);
            continue;
        }
        char request[4096];
        CHECK(!(fcntl(fd, F_GETFL) & O_NONBLOCK)); /* not inherited (accept(2)) */
        CHECK(ioctl(fd, FIONBIO, &on) == 0 && (fcntl(fd, F_GETFL) & O_NONBLOCK));
        await(fd);
        CHECK(ioctl(fd, FIONREAD, &waiting) == 0 && waiting > 0);
        CHECK(read(fd, request, waiting) == waiting);
        ssize_t more = read(fd, request + waiting, 1);
        CHECK((more == -1 && errno == EAGAIN) || more == 0);
        CHECK(ioctl(fd, FIONBIO, &off) == 0 && !(fcntl(fd, F_GETFL) & O_NONBLOCK));
        int line = (int)strcspn(request, "\r");
        log_line(request, line);
        respond(fd, "%.*s\n", line, request);
        CHECK(read(fd, request, 1) == 0); /* blocks */
        close(fd);
    }
}
