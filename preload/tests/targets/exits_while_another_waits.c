/* A thread answers and exits with status 3, while the thread that accepts waits for the next connection. */
#include "target.h"

static void *serve_and_exit(void *connection) {
    CHECK(serve_once(*(int *)connection) == 1);
    exit(3);
}

int main(void) {
    static int fd;
    int listener = listen_on(8101);
    for (;;) {
        pthread_t thread;
        fd = accept(listener, NULL, NULL);
        CHECK(fd >= 0);
        CHECK(pthread_create(&thread, NULL, serve_and_exit, &fd) == 0);
    }
}
