/* Half-closes after the answer, reads to the end, then closes with SO_LINGER. */
#include "target.h"

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        struct linger linger = {.l_onoff = 1, .l_linger = 5};
        CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
        CHECK(serve_once(fd));
        CHECK(shutdown(fd, SHUT_WR) == 0);
        CHECK(send(fd, "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE);
        char rest[4096];
        while (read(fd, rest, sizeof rest) > 0) {}
        struct sockaddr_in peer;
        socklen_t len = sizeof peer;
        CHECK(getsockname(fd, (struct sockaddr *)&peer, &len) == 0 && ntohs(peer.sin_port) == 8101);
        CHECK(close(fd) == 0);
    }
}
