/* Accepts one connection at a time, and pauses after each until another thread has slept by the kernel's clock. This
   server is slow, not dead. */
#include "target.h"
#include <sys/eventfd.h>

static int rested;

static void *timer(void *unused) {
    (void)unused;
    for (eventfd_t count;;) {
        CHECK(read(rested, &count, sizeof count) == sizeof count);
        usleep(100000);
        CHECK(eventfd_write(rested + 1, 1) == 0);
    }
}

int main(void) {
    int listener = listen_on(8101);
    pthread_t thread;
    CHECK((rested = eventfd(0, 0)) >= 0 && eventfd(0, 0) == rested + 1);
    CHECK(pthread_create(&thread, NULL, timer, NULL) == 0);
    for (eventfd_t count;;) {
        serve(accept(listener, NULL, NULL));
        CHECK(eventfd_write(rested, 1) == 0);
        CHECK(read(rested + 1, &count, sizeof count) == sizeof count);
    }
}
