/* Serves several connections by epoll_wait, level-triggered unless MODE says otherwise. */
#include "session.h"

#ifndef MODE
#define MODE 0
#endif

static const char *name(uint32_t events) {
    static char text[64];
    snprintf(text, sizeof text, "%s%s%s", events & EPOLLRDHUP ? " RDHUP" : "", events & EPOLLERR ? " ERR" : "",
             events & EPOLLHUP ? " HUP" : "");
    return text;
}

int main(void) {
    int connections[CONNECTIONS], listener = listen_on(8101), epoll = epoll_create1(0);
    struct epoll_event events[3], wanted = {.events = EPOLLIN, .data.u32 = CONNECTIONS};
    set_nonblocking(listener);
    memset(connections, FREE, sizeof connections);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &wanted) == 0);
    for (;;) {
        int count = epoll_wait(epoll, events, 3, -1);
        CHECK(count > 0);
        for (int index = 0; index < count; index++) {
            unsigned number = events[index].data.u32;
            if (number < CONNECTIONS) {
                if (!see(number, connections[number], name(events[index].events))) connections[number] = FREE;
                continue;
            }
            int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
            if (fd < 0) continue;
            wanted.data.u32 = number = lowest_free(connections);
            wanted.events = EPOLLIN | EPOLLRDHUP | MODE;
            connections[number] = fd;
            CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &wanted) == 0);
        }
    }
}
