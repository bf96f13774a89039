/* The first process exits when the daemon reports that it is ready; a worker of the daemon accepts. */
#include "target.h"
#include <sys/wait.h>

int main(void) {
    int ready[2];
    CHECK(pipe(ready) == 0);
    if (fork() > 0) {
        char byte;
        close(ready[1]);
        exit(read(ready[0], &byte, 1) == 1 ? 0 : 71);
    }
    CHECK(setsid() > 0);
    int listener = listen_on(8101);
    pid_t worker = fork();
    if (worker == 0)
        for (;;) serve(accept(listener, NULL, NULL));
    CHECK(write(ready[1], "!", 1) == 1);
    close(ready[0]);
    close(ready[1]);
    int status;
    CHECK(waitpid(worker, &status, 0) == worker);
    return WEXITSTATUS(status);
}
