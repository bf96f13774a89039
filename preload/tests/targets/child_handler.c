/* A child process serves each connection; a handler of SIGCHLD reaps all children that have ended. */
#include "target.h"
#include <sys/wait.h>

static void reap(int signal) {
    (void)signal;
    int saved = errno;
    while (waitpid(-1, NULL, WNOHANG) > 0) {}
    errno = saved;
}

int main(void) {
    struct sigaction action = {.sa_handler = reap};
    CHECK(sigaction(SIGCHLD, &action, NULL) == 0);
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0 && errno == EINTR) continue;
        CHECK(fd >= 0);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            serve(fd);
            _exit(0);
        }
        close(fd);
    }
}
