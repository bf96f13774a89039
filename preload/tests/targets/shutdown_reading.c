/* Shuts the connection down for reading, still answers, then shuts it down both ways. */
#include "target.h"

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        char request[4096];
        ssize_t len = read(fd, request, sizeof request);
        CHECK(len > 0 && shutdown(fd, SHUT_RD) == 0 && read(fd, request + len, 1) == 0);
        int line = (int)strcspn(request, "\r");
        log_line(request, line);
        respond(fd, "%.*s\n", line, request);
        shutdown(fd, SHUT_RDWR);
        close(fd);
    }
}
