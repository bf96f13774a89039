/* Keeps state between requests, "GET /WHAT": what one of them does depends on earlier ones. With an argument, a worker
   accepts them. */
#include "target.h"
#include <sys/wait.h>

enum { SLOTS = 8 };

static int thirds, used, hangs, exits;
static unsigned char count;
static char *cached, *freed;

static void *crash_late(void *unused) {
    usleep(20000);
    *(volatile int *)0 = 1;
    return unused;
}

static void spin(void) {
    for (volatile int i = 0; i < 1000; i++) continue;
}

static void handle(const char *what) {
    pthread_t thread;
    if (!strcmp(what, "third") && ++thirds == 3) *(volatile int *)0 = 1;
    if (!strcmp(what, "put")) cached = (char *)1;
    if (!strcmp(what, "get") && cached) *(volatile char *)cached = 1;
    if (!strcmp(what, "late")) CHECK(pthread_create(&thread, NULL, crash_late, NULL) == 0);
    if (freed) abort(); /* as a double free does, one request later */
    if (!strcmp(what, "free")) freed = (char *)1;
    if (!strcmp(what, "leak") && ++used > SLOTS) abort();
    if (!strcmp(what, "count") && ++count == 0) abort();
    if (!strcmp(what, "exit") && ++exits == 2) exit(3);
    if (!strcmp(what, "large") && !malloc(5ul << 30)) abort();
    if (!strcmp(what, "hang") && ++hangs == 2) for (;;) spin();
}

int main(int argc, char **argv) {
    (void)argv;
    int listener = listen_on(8180);
    if (argc > 1) {
        pid_t worker = fork();
        CHECK(worker >= 0);
        if (worker > 0) return waitpid(worker, NULL, 0) != worker;
    }
    for (;;) {
        char request[256] = {0}, what[64] = {0};
        int fd = accept(listener, NULL, NULL);
        CHECK(fd >= 0);
        if (read(fd, request, sizeof request - 1) > 0 && sscanf(request, "GET /%63s", what) == 1) handle(what);
        write_all(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 38);
        close(fd);
    }
}
