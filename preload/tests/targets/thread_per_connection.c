/* The main thread accepts; a new thread serves each connection. */
#include "target.h"

static void *serve_thread(void *fd) {
    serve((int)(long)fd);
    return NULL;
}

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        long fd = accept(listener, NULL, NULL);
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, serve_thread, (void *)fd) == 0);
        pthread_detach(thread);
    }
}
