/* Server with two processes: the front process accepts and passes requests on, the back process works on them for a
   while, then answers or crashes. TARGET_FRONT: the front process is "child" or "parent" of the back process, or both
   are children of a third process ("sibling"), which may wait for them ("sibling_awaited"). */
#include "target.h"
#include <sys/wait.h>

static void work(int requests, int answers) {
    char request[4096];
    for (;;) {
        ssize_t len = read(requests, request, sizeof request);
        if (len <= 0) _exit(0);
        for (volatile long i = 0; i < 5000000; i++) {}
        if (!strncmp(request, "GET /crash", 10)) *(volatile int *)0 = 1;
        write_all(answers, request, len);
    }
}

static void pass_on(int requests, int answers) {
    int listener = listen_on(8101);
    for (;;) {
        char request[4096];
        int fd = accept(listener, NULL, NULL);
        CHECK(fd >= 0);
        ssize_t len;
        while ((len = read(fd, request, sizeof request)) > 0) {
            int tolerates = !strncmp(request, "GET /crash_tolerated", 20);
            write_all(requests, request, len);
            struct pollfd back = {.fd = answers, .events = POLLIN};
            CHECK(poll(&back, 1, -1) == 1);
            len = read(answers, request, sizeof request);
            if (len <= 0 && tolerates) {
                respond(fd, "there is no answer\n");
                continue;
            }
            CHECK(len > 0);
            log_first_line(request, len);
            int line = strcspn(request, "\r\n");
            respond(fd, "%.*s\n", line, request);
        }
        close(fd);
    }
}

static int is_in_front(const char *front) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (!front || !strcmp(front, "child")) return child == 0;
    if (!strcmp(front, "parent")) return child > 0;
    if (child == 0) return 1;
    pid_t working = fork();
    CHECK(working >= 0);
    if (working == 0) return 0;
    for (;;) {
        if (strcmp(front, "sibling_awaited")) pause();
        wait(NULL);
    }
}

int main(void) {
    int requests[2], answers[2];
    CHECK(pipe(requests) == 0 && pipe(answers) == 0);
    if (is_in_front(getenv("TARGET_FRONT"))) {
        close(requests[0]);
        close(answers[1]);
        pass_on(requests[1], answers[0]);
    } else {
        close(requests[1]);
        close(answers[0]);
        work(requests[0], answers[1]);
    }
}
