/* A dual-stack listener with SO_REUSEPORT. */
#include "target.h"

int main(void) {
    int one = 1, listener = socket(AF_INET6, SOCK_STREAM, 0);
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(8101), .sin6_addr = in6addr_any}, peer;
    CHECK(setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) == 0);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(listener, 16) == 0);
    for (;;) {
        socklen_t len = sizeof peer;
        int fd = accept(listener, (struct sockaddr *)&peer, &len);
        CHECK(len == sizeof peer && peer.sin6_family == AF_INET6);
        serve(fd);
    }
}
