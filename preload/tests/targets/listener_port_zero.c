/* Listens on port 0. A second listen(2) does not change the port, and a second listener gets another port. */
#include "target.h"

static int port_of(int fd) {
    struct sockaddr_in own;
    socklen_t len = sizeof own;
    CHECK(getsockname(fd, (struct sockaddr *)&own, &len) == 0);
    return ntohs(own.sin_port);
}

int main(void) {
    int listener = listen_on(0), port = port_of(listener);
    CHECK(port != 0 && listen(listener, 64) == 0 && port_of(listener) == port);
    int second = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in any = {.sin_family = AF_INET};
    CHECK(bind(second, (struct sockaddr *)&any, sizeof any) == 0);
    int other = port_of(second);
    CHECK(other != 0 && other != port && listen(second, 1) == 0 && port_of(second) == other);
    for (;;) serve(accept(listener, NULL, NULL));
}
