/* Sleeps in poll, ppoll and select without descriptors before it listens. A second thread does so, because a thread of
   the server may be the driver by then. */
#include "target.h"

static void rest(void) {
    struct timespec pause = {.tv_nsec = 3000000};
    struct timeval moment = {.tv_usec = 3000};
    CHECK(poll(NULL, 0, 3) == 0);
    CHECK(ppoll(NULL, 0, &pause, NULL) == 0);
    CHECK(select(0, NULL, NULL, NULL, &moment) == 0);
}

static void *run(void *unused) {
    rest();
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        CHECK(fd >= 0);
        serve(fd);
    }
    return unused;
}

int main(void) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, run, NULL) == 0);
    pthread_join(thread, NULL);
}
