/* While one thread waits in accept, another shuts the listener down. */
#include "target.h"

static int listener;

static void *wait_for_another(void *unused) {
    CHECK(accept(listener, NULL, NULL) == -1 && errno == EINVAL);
    return unused;
}

int main(void) {
    pthread_t thread;
    listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        CHECK(pthread_create(&thread, NULL, wait_for_another, NULL) == 0);
        usleep(50000);
        CHECK(shutdown(listener, SHUT_RD) == 0 && pthread_join(thread, NULL) == 0);
        wait_for_another(NULL);
        CHECK(listen(listener, 16) == 0);
        serve(fd);
    }
}
