/* Serves a listener that another process has created and passed over a socket. */
#include "target.h"
#include <sys/wait.h>

union control {
    char room[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
};

int main(void) {
    int channel[2], listener;
    char byte = 'x';
    union control control = {.room = ""};
    struct iovec part = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.room};
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, channel) == 0);
    if (fork() == 0) {
        listener = listen_on(8101);
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        *rights = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof listener), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(rights), &listener, sizeof listener);
        CHECK(sendmsg(channel[0], &message, 0) == 1);
        _exit(0);
    }
    CHECK(recvmsg(channel[1], &message, 0) == 1);
    memcpy(&listener, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof listener);
    CHECK(wait(NULL) > 0);
    struct pollfd ready = {.fd = listener, .events = POLLIN};
    for (;;) {
        CHECK(poll(&ready, 1, -1) == 1);
        serve(accept(listener, NULL, NULL));
    }
}
