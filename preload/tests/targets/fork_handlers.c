/* Functions registered by pthread_atfork(3) run once around the fork for each connection, each in its process. */
#include "target.h"
#include <sys/wait.h>

static int prepared, in_parent, in_child;
static void prepare(void) { prepared++; }
static void parent(void) { in_parent++; }
static void child(void) { in_child++; }

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        static int registered;
        if (!registered) CHECK(registered = pthread_atfork(prepare, parent, child) == 0);
        prepared = in_parent = in_child = 0;
        pid_t pid = fork();
        CHECK(fd >= 0 && pid >= 0 && prepared == 1);
        if (pid == 0) {
            CHECK(in_child == 1 && in_parent == 0);
            serve(fd);
            _exit(0);
        }
        CHECK(in_child == 0 && in_parent == 1);
        close(fd);
        int status;
        CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    }
}
