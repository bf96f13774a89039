/* Creates a child process with its own memory for each connection by clone(2). */
#include "target.h"
#include <sched.h>
#include <sys/wait.h>

static char stack[64 * 1024] __attribute__((aligned(16)));

static int serve_child(void *fd) {
    usleep(20000);
    serve((int)(long)fd);
    return 0;
}

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        long fd = accept(listener, NULL, NULL);
        CHECK(fd >= 0 && clone(serve_child, stack + sizeof stack, SIGCHLD, (void *)fd) > 0);
        close(fd);
        while (waitpid(-1, NULL, WNOHANG) > 0) {}
    }
}
