/* Goes on writing when the client has hung up: SIGPIPE is ignored, and write says EPIPE. */
#include "target.h"

int main(void) {
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        CHECK(fd >= 0 && serve_once(fd));
        struct pollfd gone = {.fd = fd};
        CHECK(poll(&gone, 1, -1) == 1 && gone.revents & POLLHUP);
        CHECK(write(fd, "more", 4) < 0 && errno == EPIPE);
        close(fd);
    }
}
