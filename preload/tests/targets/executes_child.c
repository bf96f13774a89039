/* Executes a child process with the connection as its stdin and stdout, as inetd does. */
#include "target.h"
#include <sys/wait.h>

static void child(void) {
    struct sockaddr_in peer;
    socklen_t len = sizeof peer;
    CHECK(getpeername(0, (struct sockaddr *)&peer, &len) == 0 && peer.sin_family == AF_INET);
    char line[4096];
    CHECK(fgets(line, sizeof line, stdin));
    line[strcspn(line, "\r")] = 0;
    log_line(line, (int)strlen(line));
    printf("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s\n", strlen(line) + 1, line);
    fflush(stdout);
    while (getchar() != EOF) {}
    exit(0);
}

int main(int count, char **arguments) {
    if (count > 1) child();
    int listener = listen_on(8101);
    CHECK(fcntl(listener, F_SETFD, FD_CLOEXEC) == 0);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fork() == 0) {
            CHECK(dup2(fd, 0) == 0 && dup2(fd, 1) == 1 && close(fd) == 0);
            execl("/proc/self/exe", arguments[0], "child", NULL);
            _exit(71);
        }
        close(fd);
        CHECK(waitpid(-1, NULL, 0) > 0);
    }
}
