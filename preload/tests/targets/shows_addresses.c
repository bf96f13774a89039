/* Answers with the addresses that the sockets report. */
#include "target.h"

static const char *show(struct sockaddr_in *address) {
    static char text[2][64];
    static int next;
    char *slot = text[next++ % 2];
    CHECK(address->sin_family == AF_INET);
    snprintf(slot, 64, "%s:%d", inet_ntoa(address->sin_addr), ntohs(address->sin_port));
    return slot;
}

int main(void) {
    int listener = listen_on(8101);
    struct sockaddr_in own, peer, accepted;
    socklen_t len = sizeof own;
    CHECK(getsockname(listener, (struct sockaddr *)&own, &len) == 0 && len == sizeof own);
    CHECK(ntohs(own.sin_port) == 8101);
    for (;;) {
        len = sizeof accepted;
        int fd = accept(listener, (struct sockaddr *)&accepted, &len);
        CHECK(len == sizeof accepted);
        CHECK(getpeername(fd, (struct sockaddr *)&peer, &len) == 0);
        CHECK(!memcmp(&peer, &accepted, sizeof peer));
        CHECK(getsockname(fd, (struct sockaddr *)&own, &len) == 0);
        char request[4096];
        ssize_t read_len;
        while ((read_len = read(fd, request, sizeof request)) > 0) {
            log_first_line(request, read_len);
            respond(fd, "%s from %s\n", show(&own), show(&peer));
        }
        close(fd);
    }
}
