/* Sets and reads options of the socket, TCP and IP, and calls ioctl on the connection. */
#include "target.h"
#include <sys/ioctl.h>

int main(void) {
    int listener = listen_on(8101), one = 1;
    CHECK(setsockopt(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &one, sizeof one) == 0);
    for (;;) {
        int fd = accept(listener, NULL, NULL), value;
        socklen_t len = sizeof value;
        CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0);
        CHECK(setsockopt(fd, IPPROTO_TCP, TCP_CORK, &one, sizeof one) == 0);
        CHECK(setsockopt(fd, IPPROTO_IP, IP_TOS, &one, sizeof one) == 0);
        CHECK(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one) == 0);
        CHECK(getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &value, &len) == 0 && value == AF_INET);
        CHECK(getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &value, &len) == 0 && value == IPPROTO_TCP);
        CHECK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &len) == 0 && value == 0);
        struct tcp_info info;
        len = sizeof info;
        CHECK(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && info.tcpi_state == TCP_ESTABLISHED);
        struct timeval limit, wanted = {.tv_sec = 7, .tv_usec = 500000};
        len = sizeof limit;
        CHECK(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, &len) == 0 && len == sizeof limit);
        CHECK(limit.tv_sec == 0 && limit.tv_usec == 0);
        CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wanted, sizeof wanted) == 0);
        CHECK(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, &len) == 0);
        CHECK(limit.tv_sec == 7 && limit.tv_usec == 500000);
        wanted.tv_usec = 1000000;
        CHECK(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wanted, sizeof wanted) == -1 && errno == EDOM);
        CHECK(ioctl(fd, FIONREAD, &value) == 0);
        CHECK(ioctl(fd, FIONBIO, &one) == 0);
        one = 0;
        CHECK(ioctl(fd, FIONBIO, &one) == 0);
        one = 1;
        serve(fd);
    }
}
