/* Single-threaded non-blocking server that answers 20 MiB as fast as the client reads. */
#include "target.h"

int main(void) {
    int listener = listen_on(8101);
    static char block[1 << 20];
    memset(block, 'x', sizeof block);
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        char request[4096];
        while (poll(&ready, 1, -1) == 1 && read(fd, request, sizeof request) > 0) {
            const char *head = "HTTP/1.1 200 OK\r\nContent-Length: 20971520\r\n\r\n";
            write_all(fd, head, strlen(head));
            for (int i = 0; i < 20; i++) write_all(fd, block, sizeof block);
        }
        close(fd);
    }
}
