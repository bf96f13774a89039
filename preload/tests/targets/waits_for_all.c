/* Reads the request by two calls with MSG_WAITALL, however many chunks the client sends. */
#include "target.h"

int main(void) {
    int listener = listen_on(8101);
    static char request[2 << 20];
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        ssize_t first = recv(fd, request, 600000, MSG_WAITALL);
        struct iovec halves[] = {{request, 300000}, {request + 300000, sizeof request - 300000}};
        struct msghdr message = {.msg_iov = halves, .msg_iovlen = 2};
        ssize_t second = recvmsg(fd, &message, MSG_WAITALL);
        respond(fd, "%zd and %zd\n", first, second);
        close(fd);
    }
}
