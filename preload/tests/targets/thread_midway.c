/* Reads the beginning of a request, creates a thread, then reads the whole rest and the end of the connection. */
#include "target.h"

static void *nothing(void *argument) { return argument; }

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        static char request[1 << 16];
        ssize_t len = read(fd, request, 100), total = 0;
        pthread_t thread;
        CHECK(len > 0 && pthread_create(&thread, NULL, nothing, NULL) == 0 && pthread_join(thread, NULL) == 0);
        do total += len;
        while ((len = read(fd, request, sizeof request)) > 0);
        CHECK(len == 0);
        respond(fd, "%zd bytes\n", total);
        close(fd);
    }
}
