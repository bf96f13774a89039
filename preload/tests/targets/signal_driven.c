/* Signal-driven I/O (fcntl(2), O_ASYNC): the signal for arrived data interrupts accept, and the server reads only after
   that signal. */
#include "target.h"

static volatile sig_atomic_t arrived;

static void note(int signal) {
    (void)signal;
    arrived = 1;
}

int main(void) {
    struct sigaction action = {.sa_handler = note};
    CHECK(sigaction(SIGIO, &action, NULL) == 0);
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        CHECK(fd >= 0);
        set_nonblocking(fd);
        CHECK(fcntl(fd, F_SETOWN, getpid()) == 0);
        CHECK(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC) == 0);
        do {
            while (arrived) {
                arrived = 0;
                if (!serve_once(fd)) goto over;
            }
            /* Data that arrived before the flag was set caused no signal. */
        } while (serve_once(fd) && accept(listener, NULL, NULL) == -1 && errno == EINTR);
        CHECK(!"another connection before the end of the first");
    over:
        close(fd);
    }
}
