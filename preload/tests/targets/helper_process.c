/* Creates a helper process before it serves. Then two threads, each with its own epoll instance, share one listener. */
#include "target.h"

static int listener;

static void watch(int epoll, int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

static void *serve_events(void *unused) {
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    watch(epoll, listener);
    for (;;) {
        struct epoll_event event;
        CHECK(epoll_wait(epoll, &event, 1, -1) == 1);
        if (event.data.fd != listener) {
            if (!serve_once(event.data.fd)) close(event.data.fd);
            continue;
        }
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        if (fd >= 0) watch(epoll, fd);
    }
    return unused;
}

int main(void) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    pid_t helper = fork();
    CHECK(helper >= 0);
    if (helper == 0) {
        char byte;
        close(ends[1]);
        while (read(ends[0], &byte, 1) > 0) {}
        _exit(0); /* the server has ended */
    }
    listener = listen_on(8101);
    set_nonblocking(listener);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, serve_events, NULL) == 0);
    serve_events(NULL);
}
