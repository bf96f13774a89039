/* A signal handler that interrupts ppoll forks, waits and unlinks a file. It leaves ppoll's array unchanged. */
#include "target.h"
#include <sys/wait.h>

static volatile sig_atomic_t handled;

static void handle(int signal) {
    (void)signal;
    handled++;
    pid_t child = fork();
    if (child == 0) _exit(0);
    CHECK(child > 0 && waitpid(child, NULL, 0) == child);
    CHECK(unlink("/nowhere/at/all") == -1 && errno == ENOENT);
}

int main(void) {
    struct sigaction action = {.sa_handler = handle};
    sigset_t blocked, none;
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0 && sigprocmask(SIG_BLOCK, &blocked, NULL) == 0);
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        CHECK(fd >= 0);
        handled = 0;
        /* A ready descriptor takes precedence over a pending signal. */
        struct pollfd request = {.fd = fd, .events = POLLIN};
        CHECK(poll(&request, 1, -1) == 1 && raise(SIGUSR1) == 0);
        CHECK(ppoll(&request, 1, NULL, &none) == 1 && handled == 0);
        while (serve_once(fd)) {
            struct pollfd fds[2] = {{.fd = listener, .events = POLLIN}, {.fd = fd, .events = POLLPRI}};
            CHECK(raise(SIGUSR1) == 0);
            int ready = ppoll(fds, 2, NULL, &none);
            CHECK(ready > 0 || (ready == -1 && errno == EINTR));
            CHECK(fds[0].fd == listener && fds[1].fd == fd);
        }
        close(fd);
    }
}
