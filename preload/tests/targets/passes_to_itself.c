/* Passes each connection to itself in a message, and serves the descriptor that comes back. */
#include "target.h"

union control {
    char room[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
};

int main(void) {
    int listener = listen_on(8101), channel[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, channel) == 0);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        char byte = 'x';
        struct iovec part = {&byte, 1};
        union control control = {.room = ""};
        struct msghdr message = {
            .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.room};
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        *rights = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(rights), &fd, sizeof fd);
        CHECK(sendmsg(channel[0], &message, 0) == 1);
        close(fd);
        CHECK(recvmsg(channel[1], &message, 0) == 1);
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
        serve(fd);
    }
}
