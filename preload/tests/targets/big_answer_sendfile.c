/* Single-threaded blocking server that answers 20 MiB by sendfile(2). */
#include "target.h"
#include <sys/sendfile.h>
#include <sys/mman.h>

int main(void) {
    int listener = listen_on(8101), file = memfd_create("answer", 0);
    CHECK(ftruncate(file, 20 << 20) == 0);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        char request[4096];
        while (read(fd, request, sizeof request) > 0) {
            const char *head = "HTTP/1.1 200 OK\r\nContent-Length: 20971520\r\n\r\n";
            write_all(fd, head, strlen(head));
            off_t sent = 0;
            while (sent < 20 << 20) CHECK(sendfile(fd, file, &sent, (20 << 20) - sent) > 0);
        }
        close(fd);
    }
}
