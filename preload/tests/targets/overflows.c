/* Reads past the end of an allocation at "GET /over", which AddressSanitizer reports. */
#include "target.h"

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        char request[9];
        volatile char *copy = malloc(9);
        ssize_t len = recv(fd, request, 9, MSG_PEEK | MSG_WAITALL);
        for (ssize_t i = 0; i < len; i++) copy[i] = request[i];
        int over = len == 9 && !memcmp(request, "GET /over", 9);
        if (copy[over ? 9 : 0] == 'x') log_line("x", 1);
        free((void *)copy);
        serve(fd);
    }
}
