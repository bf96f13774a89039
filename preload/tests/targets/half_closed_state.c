/* Asks TCP_INFO whether a client that sends nothing more has half-closed or closed, and answers only in the first case,
   as lighttpd does. */
#include "target.h"

static int state_of(int fd) {
    struct tcp_info information;
    socklen_t len = sizeof information;
    CHECK(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &information, &len) == 0);
    return information.tcpi_state;
}

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        struct pollfd ended = {.fd = fd, .events = POLLRDHUP};
        CHECK(fd >= 0 && state_of(fd) == TCP_ESTABLISHED);
        CHECK(poll(&ended, 1, -1) == 1 && ended.revents & POLLRDHUP);
        if (state_of(fd) == TCP_CLOSE_WAIT) serve(fd);
        else close(fd);
    }
}
