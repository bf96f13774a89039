/* A wrapper creates the listener and executes the server, which takes the descriptor's number as an argument. */
#include "target.h"

int main(int count, char **arguments) {
    if (count == 1) {
        CHECK(dup2(listen_on(8101), 20) == 20);
        execl("/proc/self/exe", arguments[0], "20", NULL);
        return 71;
    }
    int listener = atoi(arguments[1]), on;
    struct sockaddr_in own;
    socklen_t len = sizeof on;
    CHECK(getsockopt(listener, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 && on);
    len = sizeof own;
    CHECK(getsockname(listener, (struct sockaddr *)&own, &len) == 0 && own.sin_family == AF_INET);
    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) == 0);
    for (;;) {
        CHECK(epoll_wait(epoll, &event, 1, -1) == 1);
        serve(accept(listener, NULL, NULL));
    }
}
