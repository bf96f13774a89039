/* Serves each connection in a child process, which half-closes after its answer and waits for the client to hang up. */
#include "session.h"

int main(void) {
    int listener = listen_on(8101), accepted = 0;
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int fd = accept(listener, NULL, NULL), number = accepted++;
        pid_t child = fork();
        CHECK(fd >= 0 && child >= 0);
        if (child == 0) {
            close(listener);
            CHECK(see(number, fd, ""));
            CHECK(shutdown(fd, SHUT_WR) == 0);
            struct pollfd rest = {.fd = fd, .events = POLLIN};
            if (poll(&rest, 1, 5000)) see(number, fd, "");
            else saw(number, "kept waiting");
            _exit(0);
        }
        close(fd);
    }
}
