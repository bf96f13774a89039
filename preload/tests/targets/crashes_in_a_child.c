/* A child process serves each connection, and crashes at one of them. */
#include "target.h"
#include <sys/wait.h>

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            serve(fd); /* aborts at "GET /abc" */
            _exit(0);
        }
        close(fd);
        CHECK(waitpid(child, NULL, 0) == child);
    }
}
