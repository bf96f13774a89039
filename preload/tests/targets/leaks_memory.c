/* Leaks memory at "GET /lost", which LeakSanitizer reports. */
#include "target.h"

static void *volatile kept;

static __attribute__((noinline)) void lose(int depth) {
    kept = malloc(100);
    kept = NULL;
    if (depth > 0) lose(depth - 1);
}

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        char request[9];
        ssize_t len = recv(fd, request, 9, MSG_PEEK | MSG_WAITALL);
        if (len == 9 && !memcmp(request, "GET /lost", 9)) lose(20);
        serve(fd);
    }
}
