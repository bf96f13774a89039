/* Answers with the number of bytes received, after the client has half-closed. */
#include "target.h"

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        static char request[100000];
        size_t total = 0;
        ssize_t len;
        while ((len = recv(fd, request, sizeof request, 0)) > 0) total += len;
        respond(fd, "%zu bytes\n", total);
        close(fd);
    }
}
