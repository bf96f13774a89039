/* Single-threaded blocking server that answers 20 MiB. As the driver, the same thread has to read them. */
#include "target.h"

int main(void) {
    int listener = listen_on(8101);
    static char block[1 << 20];
    memset(block, 'x', sizeof block);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        char request[4096];
        while (read(fd, request, sizeof request) > 0) {
            dprintf(fd, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", 20 << 20);
            for (int i = 0; i < 20; i++) {
                struct iovec halves[] = {{block, sizeof block / 2}, {block, sizeof block / 2}};
                CHECK(i % 2 ? writev(fd, halves, 2) == sizeof block : write(fd, block, sizeof block) == sizeof block);
            }
        }
        close(fd);
    }
}
