/* Two threads are created before the listener: one accepts, the other one serves. */
#include "target.h"

static int channel[2], ready[2];

static void *serve_all(void *unused) {
    (void)unused;
    int fd;
    while (read(channel[0], &fd, sizeof fd) == sizeof fd) serve(fd);
    return NULL;
}

static void *accept_all(void *unused) {
    (void)unused;
    int listener;
    CHECK(read(ready[0], &listener, sizeof listener) == sizeof listener);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        CHECK(write(channel[1], &fd, sizeof fd) == sizeof fd);
    }
}

int main(void) {
    pthread_t acceptor, server;
    CHECK(pipe(channel) == 0 && pipe(ready) == 0);
    CHECK(pthread_create(&server, NULL, serve_all, NULL) == 0);
    CHECK(pthread_create(&acceptor, NULL, accept_all, NULL) == 0);
    int listener = listen_on(8101);
    CHECK(write(ready[1], &listener, sizeof listener) == sizeof listener);
    pthread_join(acceptor, NULL);
}
