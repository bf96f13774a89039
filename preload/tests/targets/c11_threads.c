/* Serves each connection in a thread that is created by C11's thrd_create(3) and detaches itself. */
#include "target.h"
#include <threads.h>

static int serve_thread(void *fd) {
    thrd_detach(thrd_current());
    serve((int)(long)fd);
    return 0;
}

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        thrd_t thread;
        long fd = accept(listener, NULL, NULL);
        CHECK(fd >= 0 && thrd_create(&thread, serve_thread, (void *)fd) == thrd_success);
    }
}
