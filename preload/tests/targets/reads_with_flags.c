/* Reads with MSG_PEEK, MSG_DONTWAIT and MSG_WAITALL, by readv and by recvmsg. */
#include "target.h"

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        char peeked[4], whole[12], rest[64];
        CHECK(recv(fd, peeked, 4, MSG_PEEK) == 4);
        CHECK(recv(fd, whole, 12, MSG_WAITALL) == 12 && !memcmp(peeked, whole, 4));
        struct iovec halves[] = {{rest, 1}, {rest + 1, sizeof rest - 1}};
        ssize_t len = readv(fd, halves, 2);
        CHECK(len > 0);
        char line[76];
        memcpy(line, whole, 12);
        memcpy(line + 12, rest, len);
        log_first_line(line, 12 + len);
        CHECK(recv(fd, rest, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
        struct msghdr message = {.msg_iov = halves, .msg_iovlen = 2};
        respond(fd, "%.12s and %zd more\n", whole, len);
        CHECK(recvmsg(fd, &message, 0) == 0);
        close(fd);
    }
}
