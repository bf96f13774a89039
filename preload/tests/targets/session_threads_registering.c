/* One thread accepts, and registers connections with an epoll instance on which another thread waits. The first thread
   uses another descriptor of the instance. */
#include "session.h"

static int connections[CONNECTIONS], epoll;

static void *serve_all(void *unused) {
    (void)unused;
    for (;;) {
        struct epoll_event event;
        CHECK(epoll_wait(epoll, &event, 1, -1) == 1);
        int number = event.data.u32;
        if (!see(number, connections[number], "")) connections[number] = FREE;
    }
}

int main(void) {
    pthread_t thread;
    int listener = listen_on(8101), other;
    memset(connections, FREE, sizeof connections);
    CHECK((epoll = epoll_create1(EPOLL_CLOEXEC)) >= 0 && (other = fcntl(epoll, F_DUPFD_CLOEXEC, 0)) >= 0);
    CHECK(pthread_create(&thread, NULL, serve_all, NULL) == 0);
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK), number = lowest_free(connections);
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = number};
        CHECK((connections[number] = fd) >= 0);
        CHECK(epoll_ctl(other, EPOLL_CTL_ADD, fd, &event) == 0);
    }
}
