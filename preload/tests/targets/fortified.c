/* Compiled with _FORTIFY_SOURCE, so that it imports libc's checking functions instead of the plain ones. */
#include "target.h"

int main(int count, char **arguments) {
    (void)arguments;
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        char request[256];
        ssize_t len;
        /* Lengths that are unknown at compile time. */
        struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = -1}};
        do CHECK(poll(fds, count + 1, -1) > 0);
        while ((len = read(fd, request, 100 + count)) > 0 && (log_first_line(request, len), respond(fd, "fortified\n"), 1));
        close(fd);
    }
}
