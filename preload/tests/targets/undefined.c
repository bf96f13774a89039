/* Overflows a signed integer at "GET /over", which UndefinedBehaviorSanitizer reports. */
#include "target.h"
#include <limits.h>

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        char request[9];
        ssize_t len = recv(fd, request, 9, MSG_PEEK | MSG_WAITALL);
        volatile int number = len == 9 && !memcmp(request, "GET /over", 9) ? INT_MAX : 0;
        number = number + 1;
        serve(fd);
    }
}
