/* Creates a thread, then takes half a second to start. It aborts at a request without CR whose length is a multiple of
   ten. */
#include "target.h"

static void *rest(void *unused) {
    pause();
    return unused;
}

int main(void) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, rest, NULL) == 0);
    struct timespec start = {.tv_nsec = 500000000};
    CHECK(nanosleep(&start, NULL) == 0);
    log_line("started", 7);
    int listener = listen_on(8101);
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        char request[4096];
        ssize_t len = read(connection, request, sizeof request);
        if (len > 0 && len % 10 == 0 && !memchr(request, '\r', len)) abort();
        close(connection);
    }
}
