/* For every connection, starts a program, which starts another one that works for longer than the driver waits for an
   idle server. Neither is the server's own code; every second time, they run without the preload. */
#include "target.h"
#include <sys/wait.h>

static char *const program[] = {"/bin/sh", "-c", "timeout 0.2 sh -c 'while :; do :; done' & wait", NULL};
static char *const without_preload[] = {NULL};

static void run(char *const environment[]) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        execve(program[0], program, environment);
        _exit(1);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(void) {
    int listener = listen_on(8101), connections = 0;
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        run(connections++ % 2 ? environ : without_preload);
        serve(fd);
    }
}
