/* A child process serves each connection; the parent only accepts. */
#include "target.h"
#include <sys/wait.h>

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            close(listener);
            usleep(20000); /* the parent is idle long before the child has served */
            serve(fd);
            _exit(0);
        }
        close(fd);
        while (waitpid(-1, NULL, WNOHANG) > 0) {}
    }
}
