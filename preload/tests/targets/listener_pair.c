/* Polls two listeners on the same port, one for IPv6 only and one for IPv4; each reports its own address family. */
#include "target.h"

int main(void) {
    int on = 1, family;
    struct pollfd pair[2] = {{.fd = socket(AF_INET6, SOCK_STREAM, 0), .events = POLLIN},
                             {.fd = socket(AF_INET, SOCK_STREAM, 0), .events = POLLIN}};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(8101), .sin6_addr = in6addr_loopback};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(8101)};
    struct sockaddr_storage own;
    socklen_t len = sizeof family;
    CHECK(setsockopt(pair[0].fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0);
    CHECK(bind(pair[0].fd, (struct sockaddr *)&six, sizeof six) == 0 && listen(pair[0].fd, 16) == 0);
    CHECK(bind(pair[1].fd, (struct sockaddr *)&four, sizeof four) == 0 && listen(pair[1].fd, 16) == 0);
    CHECK(getsockopt(pair[1].fd, SOL_SOCKET, SO_DOMAIN, &family, &len) == 0 && family == AF_INET);
    len = sizeof own;
    CHECK(getsockname(pair[1].fd, (struct sockaddr *)&own, &len) == 0 && len == sizeof four);
    CHECK(own.ss_family == AF_INET && ((struct sockaddr_in *)&own)->sin_addr.s_addr == INADDR_ANY);
    len = sizeof own;
    CHECK(getsockname(pair[0].fd, (struct sockaddr *)&own, &len) == 0 && own.ss_family == AF_INET6);
    for (;;) {
        CHECK(poll(pair, 2, -1) > 0);
        for (int i = 0; i < 2; i++)
            if (pair[i].revents) serve(accept(pair[i].fd, NULL, NULL));
    }
}
