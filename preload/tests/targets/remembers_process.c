/* Keeps its process id and its parent's; its child process sees the same id, and it can signal itself. */
#include "target.h"
#include <sys/wait.h>

static volatile sig_atomic_t signals;
static void count(int number) { signals += number == SIGUSR1; }

int main(void) {
    pid_t me = getpid(), parent = getppid();
    CHECK(signal(SIGUSR1, count) != SIG_ERR);
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL), status;
        CHECK(fd >= 0 && getpid() == me && getppid() == parent);
        signals = 0;
        CHECK(kill(getpid(), SIGUSR1) == 0 && signals == 1);
        pid_t child = fork();
        if (child == 0) _exit(getppid() != me || getpid() == me);
        CHECK(waitpid(child, &status, 0) == child && status == 0);
        serve(fd);
        close(fd);
    }
}
