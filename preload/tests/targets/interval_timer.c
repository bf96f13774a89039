/* The signal handler of a timer interrupts every call that waits. */
#include "target.h"
#include <sys/time.h>

static void tick(int signal) { (void)signal; }

int main(void) {
    struct sigaction action = {.sa_handler = tick};
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    struct itimerval often = {.it_interval.tv_usec = 2000, .it_value.tv_usec = 2000};
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0 && errno == EINTR) continue;
        CHECK(fd >= 0);
        char request[4096];
        ssize_t len;
        while ((len = read(fd, request, sizeof request)) != 0) {
            if (len < 0 && errno == EINTR) continue;
            CHECK(len > 0);
            int line = (int)strcspn(request, "\r\n");
            log_line(request, line);
            respond(fd, "%.*s\n", line, request);
        }
        close(fd);
    }
}
