/* A child process serves each connection. SIGCHLD is ignored, so nobody waits for the children. */
#include "target.h"

int main(void) {
    CHECK(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        pid_t child = fork();
        CHECK(fd >= 0 && child >= 0);
        if (child == 0) {
            serve(fd);
            _exit(0);
        }
        close(fd);
    }
}
