/* recvmsg with MSG_WAITALL across two buffers; recvmmsg; sendmmsg. */
#include "target.h"

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        char request[64] = "", control[64];
        struct iovec halves[] = {{request, 2}, {request + 2, 2}};
        struct msghdr whole = {
            .msg_iov = halves, .msg_iovlen = 2, .msg_control = control, .msg_controllen = sizeof control};
        CHECK(recvmsg(fd, &whole, MSG_WAITALL) == 4 && whole.msg_controllen == 0 && whole.msg_flags == 0);
        struct iovec fifth = {request + 4, 1}, rest = {request + 5, sizeof request - 5};
        struct mmsghdr messages[3] = {
            {.msg_hdr = {.msg_iov = &fifth, .msg_iovlen = 1}}, {.msg_hdr = {.msg_iov = &rest, .msg_iovlen = 1}}};
        struct iovec more = {control, 1};
        messages[2].msg_hdr = (struct msghdr){.msg_iov = &more, .msg_iovlen = 1};
        /* The third message would wait, so the call returns the two that have arrived. */
        CHECK(recvmmsg(fd, messages, 3, MSG_WAITFORONE, NULL) == 2);
        CHECK(messages[0].msg_len == 1 && messages[1].msg_len > 0);
        int line = (int)strcspn(request, "\r");
        log_line(request, line);
        char head[64];
        struct iovec parts[] = {{head, sprintf(head, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", line + 1)},
                                {request, line}, {"\n", 1}};
        messages[0].msg_hdr = (struct msghdr){.msg_iov = parts, .msg_iovlen = 1};
        messages[1].msg_hdr = (struct msghdr){.msg_iov = parts + 1, .msg_iovlen = 2};
        CHECK(sendmmsg(fd, messages, 2, 0) == 2 && messages[1].msg_len == (unsigned)line + 1);
        /* Nothing more arrives: the call waits for the end of the connection. */
        CHECK(recv(fd, request, sizeof request, MSG_WAITALL) == 0);
        close(fd);
    }
}
