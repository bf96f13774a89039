/* recvmsg(2), recvmmsg(2), sendmsg(2), sendmmsg(2). */

#include "conformance.h"

static char buffer[64] = "some bytes", name[64], control[64];
static struct iovec parts[2000];
static struct msghdr message;
static struct mmsghdr messages[4];

static struct msghdr *message_of(size_t first, size_t second) {
    parts[0] = (struct iovec){buffer, first};
    parts[1] = (struct iovec){buffer + 4, second};
    message = (struct msghdr){.msg_iov = parts, .msg_iovlen = 2};
    return &message;
}

static void try_recvmsg(struct side *side, struct msghdr *wanted, int flags) {
    message.msg_flags = 0x7f;
    memset(control, 'x', sizeof control);
    TRY(F(recvmsg)(side->fd, wanted, flags));
    say(side, "name=%d control=%zu flags=%#x", message.msg_namelen, message.msg_controllen, message.msg_flags);
    say_bytes(side, buffer, 8);
}

CASE(recvmsg, unread, UNREAD) { try_recvmsg(side, message_of(2, 2), 0); }
CASE(recvmsg, nothing, CONNECTED) {
    message_of(2, 2), message.msg_name = name, message.msg_namelen = 64;
    message.msg_control = control, message.msg_controllen = 64;
    try_recvmsg(side, &message, MSG_DONTWAIT);
}
CASE(recvmsg, all_fields, UNREAD) {
    message_of(2, 2), message.msg_name = name, message.msg_namelen = 64;
    message.msg_control = control, message.msg_controllen = 64;
    try_recvmsg(side, &message, 0);
}
CASE(recvmsg, end, HALF_CLOSED) {
    message_of(2, 2), message.msg_name = name, message.msg_namelen = 64;
    try_recvmsg(side, &message, 0);
}
CASE(recvmsg, null, UNREAD) { try_recvmsg(side, null, 0); }
CASE(recvmsg, bad, UNREAD) { try_recvmsg(side, bad, 0); }
CASE(recvmsg, bad_parts, UNREAD) { message_of(2, 2), message.msg_iov = bad, try_recvmsg(side, &message, 0); }
CASE(recvmsg, too_many, UNREAD) { message_of(2, 2), message.msg_iovlen = 1025, try_recvmsg(side, &message, 0); }
CASE(recvmsg, far_too_many, UNREAD) { message_of(2, 2), message.msg_iovlen = huge, try_recvmsg(side, &message, 0); }
CASE(recvmsg, no_parts, UNREAD) { message_of(2, 2), message.msg_iovlen = 0, try_recvmsg(side, &message, 0); }
CASE(recvmsg, no_parts_nothing, CONNECTED) {
    message_of(2, 2), message.msg_iovlen = 0, try_recvmsg(side, &message, MSG_DONTWAIT);
}
CASE(recvmsg, negative_part, UNREAD) { try_recvmsg(side, message_of(2, huge), 0); }
CASE(recvmsg, bad_base, UNREAD) { message_of(2, 2), parts[0].iov_base = bad, try_recvmsg(side, &message, 0); }
CASE(recvmsg, bad_second_base, UNREAD) { message_of(2, 2), parts[1].iov_base = bad, try_recvmsg(side, &message, 0); }
CASE(recvmsg, bad_name, UNREAD) {
    message_of(2, 2), message.msg_name = bad, message.msg_namelen = 16, try_recvmsg(side, &message, 0);
}
CASE(recvmsg, negative_name, UNREAD) {
    message_of(2, 2), message.msg_name = name, message.msg_namelen = -1, try_recvmsg(side, &message, 0);
}
CASE(recvmsg, bad_control, UNREAD) {
    message_of(2, 2), message.msg_control = bad, message.msg_controllen = 16, try_recvmsg(side, &message, 0);
}
CASE(recvmsg, peek, UNREAD) { try_recvmsg(side, message_of(2, 2), MSG_PEEK), try_recvmsg(side, &message, 0); }
CASE(recvmsg, trunc, UNREAD) { try_recvmsg(side, message_of(2, 1), MSG_TRUNC); }
CASE(recvmsg, cloexec, UNREAD) { try_recvmsg(side, message_of(2, 2), MSG_CMSG_CLOEXEC); }
CASE(recvmsg, waitall, UNREAD) { try_recvmsg(side, message_of(2, 3), MSG_WAITALL); }
CASE(recvmsg, waitall_more, UNREAD) { try_recvmsg(side, message_of(2, 9), MSG_WAITALL); }
CASE(recvmsg, waitall_dontwait, UNREAD) { try_recvmsg(side, message_of(2, 9), MSG_WAITALL | MSG_DONTWAIT); }
CASE(recvmsg, oob, UNREAD) { try_recvmsg(side, message_of(2, 2), MSG_OOB); }
CASE(recvmsg, errqueue, UNREAD) { try_recvmsg(side, message_of(2, 2), MSG_ERRQUEUE); }
CASE(recvmsg, listener, CONNECTED) { TRY(F(recvmsg)(side->listener, message_of(2, 2), 0)); }
CASE(recvmsg, closed, BARE) { TRY(F(recvmsg)(CLOSED, message_of(2, 2), 0)); }
CASE(recvmsg, pipe, BARE) { TRY(F(recvmsg)(pipe_end(0), message_of(2, 2), 0)); }

static struct mmsghdr *three_messages(size_t each) {
    for (int i = 0; i < 3; i++) {
        parts[i] = (struct iovec){buffer + 8 * i, each};
        messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[i], .msg_iovlen = 1}, .msg_len = 77};
    }
    return messages;
}

static void try_recvmmsg(struct side *side, struct mmsghdr *wanted, int count, int flags, struct timespec *limit) {
    TRY(F(recvmmsg)(side->fd, wanted, count, flags, limit));
    say(side, "lens=%d,%d,%d", messages[0].msg_len, messages[1].msg_len, messages[2].msg_len);
}

CASE(recvmmsg, one, UNREAD) { try_recvmmsg(side, three_messages(9), 1, 0, null); }
CASE(recvmmsg, none, UNREAD) { try_recvmmsg(side, three_messages(2), 0, 0, null); }
CASE(recvmmsg, dontwait, UNREAD) { try_recvmmsg(side, three_messages(3), 3, MSG_DONTWAIT, null); }
CASE(recvmmsg, nonblocking, UNREAD | NONBLOCKING) { try_recvmmsg(side, three_messages(3), 3, 0, null); }
CASE(recvmmsg, wait_for_one, UNREAD) { try_recvmmsg(side, three_messages(3), 3, MSG_WAITFORONE, null); }
CASE(recvmmsg, blocks, UNREAD) { try_recvmmsg(side, three_messages(3), 3, 0, null); }
CASE(recvmmsg, nothing, NONBLOCKING) { try_recvmmsg(side, three_messages(3), 3, 0, null); }
CASE(recvmmsg, end, UNREAD | HALF_CLOSED) { try_recvmmsg(side, three_messages(3), 3, 0, null); }
CASE(recvmmsg, null, UNREAD) { try_recvmmsg(side, null, 1, 0, null); }
CASE(recvmmsg, bad, UNREAD) { try_recvmmsg(side, bad, 1, 0, null); }
CASE(recvmmsg, bad_none, UNREAD) { try_recvmmsg(side, bad, 0, 0, null); }
CASE(recvmmsg, bad_base, UNREAD) {
    three_messages(2), parts[0].iov_base = bad, try_recvmmsg(side, messages, 2, 0, null);
}
CASE(recvmmsg, bad_second_base, UNREAD) {
    three_messages(2), parts[1].iov_base = bad, try_recvmmsg(side, messages, 2, 0, null);
}
CASE(recvmmsg, bad_limit, UNREAD) { try_recvmmsg(side, three_messages(2), 1, 0, bad); }
CASE(recvmmsg, invalid_limit, UNREAD) {
    struct timespec limit = {.tv_nsec = 1000000000};
    try_recvmmsg(side, three_messages(2), 1, 0, &limit);
}
CASE(recvmmsg, negative_limit, UNREAD) {
    struct timespec limit = {.tv_sec = -1};
    try_recvmmsg(side, three_messages(2), 1, 0, &limit);
}
CASE(recvmmsg, no_limit_left, UNREAD) {
    struct timespec limit = {0};
    try_recvmmsg(side, three_messages(2), 3, MSG_DONTWAIT, &limit);
    say(side, "left=%ld,%ld", limit.tv_sec, limit.tv_nsec);
}
CASE(recvmmsg, limit_left, UNREAD) {
    struct timespec limit = {.tv_sec = 5};
    try_recvmmsg(side, three_messages(2), 1, 0, &limit);
    say(side, "left=%ld", limit.tv_sec);
}
CASE(recvmmsg, listener, CONNECTED) { TRY(F(recvmmsg)(side->listener, three_messages(2), 1, 0, null)); }
CASE(recvmmsg, closed, BARE) { TRY(F(recvmmsg)(CLOSED, three_messages(2), 1, 0, null)); }
CASE(recvmmsg, pipe, BARE) { TRY(F(recvmmsg)(pipe_end(0), three_messages(2), 1, 0, null)); }

static void try_sendmsg(struct side *side, struct msghdr *wanted, int flags) {
    TRY(F(sendmsg)(side->fd, wanted, flags));
}

CASE(sendmsg, two, CONNECTED) { try_sendmsg(side, message_of(2, 2), 0); }
CASE(sendmsg, null, CONNECTED) { try_sendmsg(side, null, 0); }
CASE(sendmsg, bad, CONNECTED) { try_sendmsg(side, bad, 0); }
CASE(sendmsg, bad_parts, CONNECTED) { message_of(2, 2), message.msg_iov = bad, try_sendmsg(side, &message, 0); }
CASE(sendmsg, too_many, CONNECTED) { message_of(2, 2), message.msg_iovlen = 1025, try_sendmsg(side, &message, 0); }
CASE(sendmsg, far_too_many, CONNECTED) { message_of(2, 2), message.msg_iovlen = huge, try_sendmsg(side, &message, 0); }
CASE(sendmsg, no_parts, CONNECTED) { message_of(2, 2), message.msg_iovlen = 0, try_sendmsg(side, &message, 0); }
CASE(sendmsg, negative_part, CONNECTED) { try_sendmsg(side, message_of(2, huge), 0); }
CASE(sendmsg, bad_base, CONNECTED) { message_of(2, 2), parts[0].iov_base = bad, try_sendmsg(side, &message, 0); }
CASE(sendmsg, bad_second_base, CONNECTED) { message_of(2, 2), parts[1].iov_base = bad, try_sendmsg(side, &message, 0); }
CASE(sendmsg, name, CONNECTED) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    message_of(2, 2), message.msg_name = &to, message.msg_namelen = sizeof to, try_sendmsg(side, &message, 0);
}
CASE(sendmsg, bad_name, CONNECTED) {
    message_of(2, 2), message.msg_name = bad, message.msg_namelen = 16, try_sendmsg(side, &message, 0);
}
CASE(sendmsg, negative_name, CONNECTED) {
    message_of(2, 2), message.msg_name = name, message.msg_namelen = -1, try_sendmsg(side, &message, 0);
}
CASE(sendmsg, bad_control, CONNECTED) {
    message_of(2, 2), message.msg_control = bad, message.msg_controllen = 16, try_sendmsg(side, &message, 0);
}
CASE(sendmsg, invalid_control, CONNECTED) {
    memset(control, 0, sizeof control);
    message_of(2, 2), message.msg_control = control, message.msg_controllen = 16, try_sendmsg(side, &message, 0);
}
CASE(sendmsg, huge_control, CONNECTED) {
    message_of(2, 2), message.msg_control = control, message.msg_controllen = huge, try_sendmsg(side, &message, 0);
}
CASE(sendmsg, shut, CONNECTED) { F(shutdown)(side->fd, SHUT_WR), try_sendmsg(side, message_of(2, 2), 0); }
CASE(sendmsg, shut_nosignal, CONNECTED) { F(shutdown)(side->fd, SHUT_WR), try_sendmsg(side, message_of(2, 2), MSG_NOSIGNAL); }
CASE(sendmsg, oob, CONNECTED) { try_sendmsg(side, message_of(2, 2), MSG_OOB); }
CASE(sendmsg, listener, CONNECTED) { TRY(F(sendmsg)(side->listener, message_of(2, 2), 0)); }
CASE(sendmsg, closed, BARE) { TRY(F(sendmsg)(CLOSED, message_of(2, 2), 0)); }
CASE(sendmsg, pipe, BARE) { TRY(F(sendmsg)(pipe_end(1), message_of(2, 2), 0)); }

static void try_sendmmsg(struct side *side, struct mmsghdr *wanted, int count, int flags) {
    TRY(F(sendmmsg)(side->fd, wanted, count, flags));
    say(side, "lens=%d,%d,%d", messages[0].msg_len, messages[1].msg_len, messages[2].msg_len);
}

CASE(sendmmsg, three, CONNECTED) { try_sendmmsg(side, three_messages(3), 3, 0); }
CASE(sendmmsg, none, CONNECTED) { try_sendmmsg(side, three_messages(3), 0, 0); }
CASE(sendmmsg, null, CONNECTED) { try_sendmmsg(side, null, 1, 0); }
CASE(sendmmsg, bad, CONNECTED) { try_sendmmsg(side, bad, 1, 0); }
CASE(sendmmsg, bad_none, CONNECTED) { try_sendmmsg(side, bad, 0, 0); }
CASE(sendmmsg, bad_base, CONNECTED) { three_messages(3), parts[0].iov_base = bad, try_sendmmsg(side, messages, 3, 0); }
CASE(sendmmsg, bad_second_base, CONNECTED) { three_messages(3), parts[1].iov_base = bad, try_sendmmsg(side, messages, 3, 0); }
CASE(sendmmsg, shut, CONNECTED) { F(shutdown)(side->fd, SHUT_WR), try_sendmmsg(side, three_messages(3), 3, 0); }
CASE(sendmmsg, listener, CONNECTED) { TRY(F(sendmmsg)(side->listener, three_messages(3), 3, 0)); }
CASE(sendmmsg, closed, BARE) { TRY(F(sendmmsg)(CLOSED, three_messages(3), 3, 0)); }
CASE(sendmmsg, pipe, BARE) { TRY(F(sendmmsg)(pipe_end(1), three_messages(3), 3, 0)); }
