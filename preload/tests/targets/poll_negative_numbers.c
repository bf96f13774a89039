/* A worker polls arrays in which all descriptors but one are negative, which poll(2) ignores. */
#include "target.h"

static int connections[2];

static void *work(void *unused) {
    (void)unused;
    for (int round = 0;; round++) {
        struct pollfd fds[100];
        int fd, used = 97;
        for (int i = 0; i < 100; i++) fds[i] = (struct pollfd){.fd = -1 - i, .events = POLLIN, .revents = 99};
        fds[used].fd = connections[0];
        CHECK((round % 2 ? poll(fds, 100, -1) : ppoll(fds, 100, NULL, NULL)) == 1);
        for (int i = 0; i < 100; i++) {
            CHECK(fds[i].fd == (i == used ? connections[0] : -1 - i) && fds[i].events == POLLIN);
            CHECK(fds[i].revents == (i == used ? POLLIN : 0));
        }
        CHECK(read(connections[0], &fd, sizeof fd) == sizeof fd);
        struct pollfd request[2] = {{.fd = -5, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
        CHECK(poll(request, 2, -1) == 1 && request[0].revents == 0 && request[1].fd == fd);
        serve(fd);
    }
    return NULL;
}

int main(void) {
    pthread_t thread;
    CHECK(pipe(connections) == 0);
    int listener = listen_on(8101);
    CHECK(pthread_create(&thread, NULL, work, NULL) == 0);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        CHECK(fd >= 0 && write(connections[1], &fd, sizeof fd) == sizeof fd);
    }
}
