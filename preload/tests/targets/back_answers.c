/* Two processes: the front one accepts and passes requests on, the back one works on them for a while and answers.
   TARGET_FRONT says which of them the child is. */
#include "target.h"

static void work(int requests, int answers) {
    char request[4096];
    for (;;) {
        ssize_t len = read(requests, request, sizeof request);
        if (len <= 0) _exit(0);
        for (volatile long i = 0; i < 5000000; i++) {}
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
            write_all(requests, request, len);
            struct pollfd back = {.fd = answers, .events = POLLIN};
            CHECK(poll(&back, 1, -1) == 1);
            len = read(answers, request, sizeof request);
            CHECK(len > 0);
            log_first_line(request, len);
            int line = strcspn(request, "\r\n");
            respond(fd, "%.*s\n", line, request);
        }
        close(fd);
    }
}

int main(void) {
    const char *front = getenv("TARGET_FRONT");
    int requests[2], answers[2];
    CHECK(pipe(requests) == 0 && pipe(answers) == 0);
    int is_front_child = !front || !strcmp(front, "child");
    pid_t child = fork();
    CHECK(child >= 0);
    if ((child == 0) == is_front_child) {
        close(requests[0]);
        close(answers[1]);
        pass_on(requests[1], answers[0]);
    } else {
        close(requests[1]);
        close(answers[0]);
        work(requests[0], answers[1]);
    }
}
