/* Binds a socket, executes itself, and only then listens on it. No port is opened, so another socket can be bound to
   the same port afterwards. */
#include "target.h"

static struct sockaddr_in own_address(int fd) {
    struct sockaddr_in own = {0};
    socklen_t len = sizeof own;
    CHECK(getsockname(fd, (struct sockaddr *)&own, &len) == 0 && len == sizeof own);
    return own;
}

int main(int count, char **arguments) {
    if (count == 1) {
        int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
        struct sockaddr_in wanted = {
            .sin_family = AF_INET, .sin_port = htons(8148), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0);
        CHECK(bind(fd, (struct sockaddr *)&wanted, sizeof wanted) == 0);
        CHECK(dup2(fd, 20) == 20);
        execl("/proc/self/exe", arguments[0], "20", NULL);
        return 71;
    }
    int listener = atoi(arguments[1]);
    for (int listens = 0; listens < 2; listens++) {
        struct sockaddr_in own = own_address(listener);
        CHECK(own.sin_family == AF_INET && own.sin_port == htons(8148));
        CHECK(own.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
        CHECK(listen(listener, 16) == 0);
    }
    struct pollfd ready = {.fd = listener, .events = POLLIN};
    for (;;) {
        CHECK(poll(&ready, 1, -1) == 1);
        serve(accept(listener, NULL, NULL));
    }
}
