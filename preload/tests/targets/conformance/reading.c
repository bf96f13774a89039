/* read(2), readv(2), recv(2), recvfrom(2), and their variants with checks. */

#include "conformance.h"

ssize_t __read_chk(int, void *, size_t, size_t);
ssize_t __recv_chk(int, void *, size_t, size_t, int);
ssize_t __recvfrom_chk(int, void *, size_t, size_t, int, struct sockaddr *, socklen_t *);

static char buffer[64];

static void try_read(struct side *side, int fd, size_t count) {
    TRY(F(read)(fd, buffer, count));
    say_bytes(side, buffer, 8);
}

CASE(read, unread, UNREAD) { try_read(side, side->fd, sizeof buffer); }
CASE(read, part, UNREAD) { try_read(side, side->fd, 2); }
CASE(read, bad_buffer, UNREAD) { TRY(F(read)(side->fd, bad, 4)); }
CASE(read, bad_buffer_nothing, NONBLOCKING) { TRY(F(read)(side->fd, bad, 4)); }
CASE(read, null_buffer, UNREAD) { TRY(F(read)(side->fd, null, 4)); }
CASE(read, partly_bad_buffer, UNREAD) { TRY(F(read)(side->fd, before_the_edge(2), 5)); }
CASE(read, roomy_bad_buffer, UNREAD) { TRY(F(read)(side->fd, before_the_edge(5), 5000)); }
CASE(read, zero, UNREAD) { try_read(side, side->fd, 0); }
CASE(read, zero_null, UNREAD) { TRY(F(read)(side->fd, null, 0)); }
CASE(read, zero_nothing, CONNECTED) { try_read(side, side->fd, 0); }
CASE(read, zero_nothing_nonblocking, NONBLOCKING) { try_read(side, side->fd, 0); }
CASE(read, zero_half_closed, HALF_CLOSED) { try_read(side, side->fd, 0); }
CASE(read, nothing, CONNECTED) { try_read(side, side->fd, 4); }
CASE(read, nothing_nonblocking, NONBLOCKING) { try_read(side, side->fd, 4); }
CASE(read, huge, UNREAD) { try_read(side, side->fd, huge); }
CASE(read, half_closed, HALF_CLOSED) { try_read(side, side->fd, 4), try_read(side, side->fd, 4); }
CASE(read, half_closed_unread, HALF_CLOSED | UNREAD) { try_read(side, side->fd, 9), try_read(side, side->fd, 9); }
CASE(read, gone, GONE) { try_read(side, side->fd, 4); }
CASE(read, negative, BARE) { try_read(side, -1, 4); }
CASE(read, closed, BARE) { try_read(side, CLOSED, 4); }
CASE(read, write_only, BARE) { try_read(side, pipe_end(1), 4); }
CASE(read, listener, CONNECTED) { try_read(side, side->listener, 4); }
CASE(read, shut_reading, UNREAD) {
    F(shutdown)(side->fd, SHUT_RD);
    try_read(side, side->fd, 9), try_read(side, side->fd, 9);
}
CASE(__read_chk, unread, UNREAD) { TRY(__read_chk == 0 ? 0 : F(__read_chk)(side->fd, buffer, 4, 64)); }
CASE(__read_chk, zero_nothing, CONNECTED) { TRY(F(__read_chk)(side->fd, buffer, 0, 64)); }

static struct iovec parts[2000];

static void try_readv(struct side *side, const struct iovec *first, int count) {
    TRY(F(readv)(side->fd, first, count));
    say_bytes(side, buffer, 8);
}

/* Returns two parts: `first` bytes of the buffer, and `second` bytes from offset 4. */
static struct iovec *two_parts(size_t first, size_t second) {
    parts[0] = (struct iovec){buffer, first};
    parts[1] = (struct iovec){buffer + 4, second};
    return parts;
}

CASE(readv, unread, UNREAD) { try_readv(side, two_parts(2, 10), 2); }
CASE(readv, none, UNREAD) { try_readv(side, parts, 0); }
CASE(readv, none_nothing, CONNECTED) { try_readv(side, parts, 0); }
CASE(readv, none_null, UNREAD) { try_readv(side, null, 0); }
CASE(readv, negative_count, UNREAD) { try_readv(side, two_parts(2, 2), -1); }
CASE(readv, most, UNREAD) { try_readv(side, two_parts(2, 2), 1024); }
CASE(readv, too_many, UNREAD) { try_readv(side, two_parts(2, 2), 1025); }
CASE(readv, bad_parts, UNREAD) { try_readv(side, bad, 1); }
CASE(readv, null_parts, UNREAD) { try_readv(side, null, 1); }
CASE(readv, empty_parts, UNREAD) { try_readv(side, two_parts(0, 0), 2); }
CASE(readv, empty_parts_nothing, CONNECTED) { try_readv(side, two_parts(0, 0), 2); }
CASE(readv, negative_part, UNREAD) { try_readv(side, two_parts(2, huge), 2); }
CASE(readv, huge_parts, UNREAD) { try_readv(side, two_parts(2, LONG_MAX), 2); }
CASE(readv, bad_base, UNREAD) { two_parts(2, 2), parts[0].iov_base = bad, try_readv(side, parts, 2); }
CASE(readv, bad_second_base, UNREAD) { two_parts(2, 2), parts[1].iov_base = bad, try_readv(side, parts, 2); }
CASE(readv, bad_empty_base, UNREAD) { two_parts(0, 2), parts[0].iov_base = bad, try_readv(side, parts, 2); }
CASE(readv, nothing, NONBLOCKING) { try_readv(side, two_parts(2, 2), 2); }
CASE(readv, closed, BARE) { TRY(F(readv)(CLOSED, two_parts(2, 2), 2)); }
CASE(readv, listener, CONNECTED) { TRY(F(readv)(side->listener, two_parts(2, 2), 2)); }

static void try_recv(struct side *side, int fd, size_t count, int flags) {
    memset(buffer, '-', sizeof buffer);
    TRY(F(recv)(fd, buffer, count, flags));
    say_bytes(side, buffer, 8);
}

CASE(recv, zero, UNREAD) { try_recv(side, side->fd, 0, 0); }
CASE(recv, zero_nothing, CONNECTED) { try_recv(side, side->fd, 0, 0); }
CASE(recv, zero_nothing_dontwait, CONNECTED) { try_recv(side, side->fd, 0, MSG_DONTWAIT); }
CASE(recv, zero_half_closed, HALF_CLOSED) { try_recv(side, side->fd, 0, 0); }
CASE(recv, bad_buffer, UNREAD) { TRY(F(recv)(side->fd, bad, 4, 0)); }
CASE(recv, bad_buffer_peek, UNREAD) { TRY(F(recv)(side->fd, bad, 4, MSG_PEEK)); }
CASE(recv, bad_buffer_dontwait, CONNECTED) { TRY(F(recv)(side->fd, bad, 4, MSG_DONTWAIT)); }
CASE(recv, huge, UNREAD) { try_recv(side, side->fd, huge, 0); }
CASE(recv, dontwait, CONNECTED) { try_recv(side, side->fd, 4, MSG_DONTWAIT); }
CASE(recv, nothing, CONNECTED) { try_recv(side, side->fd, 4, 0); }
CASE(recv, peek, UNREAD) { try_recv(side, side->fd, 9, MSG_PEEK), try_recv(side, side->fd, 3, MSG_PEEK); }
CASE(recv, peek_nothing, CONNECTED) { try_recv(side, side->fd, 9, MSG_PEEK | MSG_DONTWAIT); }
CASE(recv, trunc, UNREAD) { try_recv(side, side->fd, 3, MSG_TRUNC); }
CASE(recv, trunc_null, UNREAD) { TRY(F(recv)(side->fd, null, 3, MSG_TRUNC)); }
CASE(recv, trunc_more, UNREAD) { try_recv(side, side->fd, 50, MSG_TRUNC); }
CASE(recv, trunc_peek, UNREAD) { try_recv(side, side->fd, 3, MSG_TRUNC | MSG_PEEK); }
CASE(recv, waitall, UNREAD) { try_recv(side, side->fd, 5, MSG_WAITALL); }
CASE(recv, waitall_more, UNREAD) { try_recv(side, side->fd, 9, MSG_WAITALL); }
CASE(recv, waitall_dontwait, UNREAD) { try_recv(side, side->fd, 9, MSG_WAITALL | MSG_DONTWAIT); }
CASE(recv, waitall_nonblocking, UNREAD | NONBLOCKING) { try_recv(side, side->fd, 9, MSG_WAITALL); }
CASE(recv, waitall_half_closed, UNREAD | HALF_CLOSED) { try_recv(side, side->fd, 9, MSG_WAITALL); }
CASE(recv, waitall_peek, UNREAD) { try_recv(side, side->fd, 9, MSG_WAITALL | MSG_PEEK); }
CASE(recv, oob, UNREAD) { try_recv(side, side->fd, 4, MSG_OOB); }
CASE(recv, errqueue, UNREAD) { try_recv(side, side->fd, 4, MSG_ERRQUEUE); }
CASE(recv, unknown_flag, UNREAD) { try_recv(side, side->fd, 4, 0x400000); }
CASE(recv, cmsg_compat_flag, UNREAD) { try_recv(side, side->fd, 4, (int)0x80000000); }
CASE(recv, negative, BARE) { try_recv(side, -1, 4, 0); }
CASE(recv, closed, BARE) { try_recv(side, CLOSED, 4, 0); }
CASE(recv, pipe, BARE) { try_recv(side, pipe_end(0), 4, 0); }
CASE(recv, listener, CONNECTED) { try_recv(side, side->listener, 4, 0); }
CASE(recv, listener_dontwait, CONNECTED) { try_recv(side, side->listener, 4, MSG_DONTWAIT); }
CASE(recv, shut_reading, CONNECTED) { F(shutdown)(side->fd, SHUT_RD), try_recv(side, side->fd, 4, 0); }
CASE(recv, limited, CONNECTED) {
    struct timeval limit = {.tv_usec = 20000};
    F(setsockopt)(side->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    try_recv(side, side->fd, 4, 0);
}
CASE(recv, low_mark, UNREAD) {
    int mark = 8;
    F(setsockopt)(side->fd, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof mark);
    try_recv(side, side->fd, 9, 0);
}
CASE(__recv_chk, unread, UNREAD) { TRY(F(__recv_chk)(side->fd, buffer, 4, 64, MSG_PEEK)); }
CASE(__recv_chk, zero_nothing, CONNECTED) { TRY(F(__recv_chk)(side->fd, buffer, 0, 64, 0)); }

static union {
    struct sockaddr any;
    char bytes[64];
} from;

static void try_recvfrom(struct side *side, int flags, struct sockaddr *address, long len) {
    socklen_t value = len;
    memset(&from, 'x', sizeof from);
    TRY(F(recvfrom)(side->fd, buffer, 4, flags, address, len == 8 ? bad : len == 99 ? null : (void *)&value));
    say(side, "len=%d", value);
    say_bytes(side, from.bytes, 4);
}

CASE(recvfrom, address, UNREAD) { try_recvfrom(side, 0, &from.any, sizeof from); }
CASE(recvfrom, address_nothing, CONNECTED) { try_recvfrom(side, MSG_DONTWAIT, &from.any, sizeof from); }
CASE(recvfrom, no_address, UNREAD) { try_recvfrom(side, 0, null, 16); }
CASE(recvfrom, bad_address, UNREAD) { try_recvfrom(side, 0, bad, 16); }
CASE(recvfrom, bad_len, UNREAD) { try_recvfrom(side, 0, &from.any, 8); }
CASE(recvfrom, bad_len_no_address, UNREAD) { try_recvfrom(side, 0, null, 8); }
CASE(recvfrom, null_len, UNREAD) { try_recvfrom(side, 0, &from.any, 99); }
CASE(recvfrom, negative_len, UNREAD) { try_recvfrom(side, 0, &from.any, -1); }
CASE(recvfrom, end, HALF_CLOSED) { try_recvfrom(side, 0, &from.any, sizeof from); }
CASE(recvfrom, bad_buffer, UNREAD) { TRY(F(recvfrom)(side->fd, bad, 4, 0, null, null)); }
CASE(recvfrom, listener, CONNECTED) { TRY(F(recvfrom)(side->listener, buffer, 4, 0, null, null)); }
CASE(recvfrom, closed, BARE) { TRY(F(recvfrom)(CLOSED, buffer, 4, 0, null, null)); }
CASE(recvfrom, pipe, BARE) { TRY(F(recvfrom)(pipe_end(0), buffer, 4, 0, null, null)); }
CASE(__recvfrom_chk, unread, UNREAD) { TRY(F(__recvfrom_chk)(side->fd, buffer, 4, 64, 0, null, null)); }
