/* Continues to write after the client has hung up, which a TCP socket does not report. SIGPIPE is ignored, so write
   fails with EPIPE. */
#include "target.h"

int main(void) {
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        CHECK(fd >= 0 && serve_once(fd));
        struct pollfd gone = {.fd = fd};
        poll(&gone, 1, 1500); /* longer than the client of a single run lingers */
        while (write(fd, "more", 4) == 4) poll(&gone, 1, 10);
        CHECK(errno == EPIPE || errno == ECONNRESET);
        close(fd);
    }
}
