/* Started by socket activation: the listener is at descriptor 3 (sd_listen_fds(3)). */
#include "target.h"

int main(void) {
    const char *count = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
    CHECK(count && pid && atoi(count) == 1 && atoi(pid) == getpid());
    CHECK(fcntl(3, F_SETFD, FD_CLOEXEC) == 0);
    struct sockaddr_storage own;
    int value;
    socklen_t len = sizeof value;
    CHECK(getsockopt(3, SOL_SOCKET, SO_TYPE, &value, &len) == 0 && value == SOCK_STREAM);
    CHECK(getsockopt(3, SOL_SOCKET, SO_ACCEPTCONN, &value, &len) == 0 && value);
    len = sizeof own;
    CHECK(getsockname(3, (struct sockaddr *)&own, &len) == 0 && own.ss_family == AF_INET);
    for (;;) serve(accept(3, NULL, NULL));
}
