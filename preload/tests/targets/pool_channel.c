/* A thread accepts and sends each connection through a pipe to workers. They answer, and notify the main thread by an
   eventfd, for which it waits in epoll. */
#include "target.h"
#include <sys/eventfd.h>

static int channel[2], done;

static void *acceptor(void *listener) {
    for (;;) {
        int fd = accept((int)(long)listener, NULL, NULL);
        CHECK(fd >= 0 && write(channel[1], &fd, sizeof fd) == sizeof fd);
    }
}

static void *worker(void *unused) {
    (void)unused;
    for (int fd; read(channel[0], &fd, sizeof fd) == sizeof fd;) {
        serve(fd);
        CHECK(eventfd_write(done, 1) == 0);
    }
    return NULL;
}

int main(void) {
    pthread_t thread;
    long listener = listen_on(8101);
    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    CHECK(pipe(channel) == 0 && (done = eventfd(0, 0)) >= 0);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, done, &event) == 0);
    CHECK(pthread_create(&thread, NULL, acceptor, (void *)listener) == 0);
    for (int i = 0; i < 3; i++) CHECK(pthread_create(&thread, NULL, worker, NULL) == 0);
    for (eventfd_t count;;) CHECK(epoll_wait(epoll, &event, 1, -1) == 1 && eventfd_read(done, &count) == 0);
}
