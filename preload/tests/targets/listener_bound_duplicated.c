/* Binds a socket, listens on a duplicate of it, and accepts on another duplicate. */
#include "target.h"

int main(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), accepts, listens;
    struct sockaddr_in own, wanted = {
        .sin_family = AF_INET, .sin_port = htons(8149), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof own;
    CHECK(bind(fd, (struct sockaddr *)&wanted, sizeof wanted) == 0);
    accepts = dup(fd);
    listens = fcntl(fd, F_DUPFD_CLOEXEC, 30);
    close(fd);
    CHECK(listen(listens, 16) == 0);
    CHECK(getsockname(accepts, (struct sockaddr *)&own, &len) == 0);
    CHECK(own.sin_port == htons(8149) && own.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
    close(listens);
    for (;;) serve(accept(accepts, NULL, NULL));
}
