/* bind(2), listen(2), connect(2), accept(2), getsockname(2), getpeername(2). */

#include "conformance.h"

static union {
    struct sockaddr any;
    struct sockaddr_in in;
    char bytes[64];
} name;

/* Returns a pointer to `len`; for 8 a bad pointer, for 99 a null pointer. */
static socklen_t value;
static socklen_t *room_of(long len) {
    memset(&name, 'x', sizeof name);
    value = len;
    return len == 8 ? bad : len == 99 ? null : &value;
}

static void say_name(struct side *side) {
    bool is_written = name.bytes[0] != 'x', is_whole = is_written && name.bytes[15] != 'x';
    say(side, "len=%d %s", value, is_whole ? "whole" : is_written ? "part" : "untouched");
    if (is_whole) say(side, "family=%d loopback=%d", name.any.sa_family, name.in.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
}

#define NAME_CASES(TRY, function, what, state, fd)                                                                             \
    NAMED_CASE(function##_##what, #function "/" #what, state) { (void)TRY(F(function)(fd, &name.any, room_of(64))), say_name(side); } \
    NAMED_CASE(function##_##what##_exact, #function "/" #what "_exact", state) { (void)TRY(F(function)(fd, &name.any, room_of(16))), say_name(side); } \
    NAMED_CASE(function##_##what##_short, #function "/" #what "_short", state) { (void)TRY(F(function)(fd, &name.any, room_of(4))), say_name(side); } \
    NAMED_CASE(function##_##what##_zero, #function "/" #what "_zero", state) { (void)TRY(F(function)(fd, &name.any, room_of(0))), say_name(side); } \
    NAMED_CASE(function##_##what##_negative, #function "/" #what "_negative", state) { (void)TRY(F(function)(fd, &name.any, room_of(-1))), say_name(side); } \
    NAMED_CASE(function##_##what##_bad_len, #function "/" #what "_bad_len", state) { (void)TRY(F(function)(fd, &name.any, room_of(8))), say_name(side); } \
    NAMED_CASE(function##_##what##_null_len, #function "/" #what "_null_len", state) { (void)TRY(F(function)(fd, &name.any, room_of(99))), say_name(side); } \
    NAMED_CASE(function##_##what##_null, #function "/" #what "_null", state) { (void)TRY(F(function)(fd, null, room_of(16))), say_name(side); } \
    NAMED_CASE(function##_##what##_null_zero, #function "/" #what "_null_zero", state) { (void)TRY(F(function)(fd, null, room_of(0))), say_name(side); } \
    NAMED_CASE(function##_##what##_bad, #function "/" #what "_bad", state) { (void)TRY(F(function)(fd, bad, room_of(16))), say_name(side); }

NAME_CASES(TRY, getsockname, connection, CONNECTED, side->fd)
NAME_CASES(TRY, getsockname, listener, CONNECTED, side->listener)
NAME_CASES(TRY, getpeername, connection, CONNECTED, side->fd)
NAME_CASES(TRY, getpeername, listener, CONNECTED, side->listener)
NAME_CASES(TRY_FD, accept, pending, PENDING, side->listener)
NAME_CASES(TRY_FD, accept, nothing, IMPATIENT, side->listener)

CASE(getsockname, closed, BARE) { TRY(F(getsockname)(CLOSED, &name.any, room_of(16))); }
CASE(getsockname, pipe, BARE) { TRY(F(getsockname)(pipe_end(0), &name.any, room_of(16))); }
CASE(getpeername, closed, BARE) { TRY(F(getpeername)(CLOSED, &name.any, room_of(16))); }
CASE(getpeername, pipe, BARE) { TRY(F(getpeername)(pipe_end(0), &name.any, room_of(16))); }
CASE(getpeername, half_closed, HALF_CLOSED) { TRY(F(getpeername)(side->fd, &name.any, room_of(16))); }
CASE(getpeername, gone, GONE) { TRY(F(getpeername)(side->fd, &name.any, room_of(16))); }
CASE(getpeername, shut, CONNECTED) { F(shutdown)(side->fd, SHUT_RDWR), TRY(F(getpeername)(side->fd, &name.any, room_of(16))); }
CASE(getpeername, over, HALF_CLOSED) { F(shutdown)(side->fd, SHUT_RDWR), TRY(F(getpeername)(side->fd, &name.any, room_of(16))); }

CASE(accept, closed, BARE) { TRY(F(accept)(CLOSED, null, null)); }
CASE(accept, negative, BARE) { TRY(F(accept)(-1, null, null)); }
CASE(accept, pipe, BARE) { TRY(F(accept)(pipe_end(0), null, null)); }
CASE(accept, connection, CONNECTED) { TRY(F(accept)(side->fd, null, null)); }
CASE(accept, nothing_blocking, CONNECTED) { TRY(F(accept)(side->listener, null, null)); }
CASE(accept, bad_then_again, PENDING | IMPATIENT) {
    TRY_FD(F(accept)(side->listener, &name.any, room_of(-1)));
    TRY_FD(F(accept)(side->listener, &name.any, room_of(16)));
}
CASE(accept, no_descriptor, PENDING | IMPATIENT) {
    struct rlimit before, limit = {0, 4096};
    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    limit.rlim_cur = dup(2), limit.rlim_max = before.rlim_max, close(limit.rlim_cur);
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    TRY_FD(F(accept)(side->listener, null, null));
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
    TRY_FD(F(accept)(side->listener, null, null));
}
static void try_accept4(struct side *side, int flags) {
    int fd = TRY_FD(F(accept4)(side->listener, null, null, flags));
    if (fd >= 0) say(side, "mode=%#x", F(fcntl)(fd, F_GETFL));
}
CASE(accept4, plain, PENDING) { try_accept4(side, 0); }
CASE(accept4, both, PENDING) { try_accept4(side, SOCK_NONBLOCK | SOCK_CLOEXEC); }
CASE(accept4, unknown, PENDING) { try_accept4(side, 0x10), try_accept4(side, 0); }
CASE(accept4, unknown_nothing, IMPATIENT) { try_accept4(side, 0x10); }
CASE(accept4, unknown_blocking, CONNECTED) { try_accept4(side, 0x10); }
CASE(accept4, closed, BARE) { TRY(F(accept4)(CLOSED, null, null, 0)); }
CASE(accept4, connection, CONNECTED) { TRY(F(accept4)(side->fd, null, null, 0)); }
CASE(accept4, inherits_nothing, PENDING | IMPATIENT) { try_accept4(side, 0); }

static struct sockaddr *at(int family, unsigned address, int port) {
    name.in = (struct sockaddr_in){.sin_family = family, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
    return &name.any;
}

CASE(bind, listener, CONNECTED) { TRY(F(bind)(side->listener, at(AF_INET, INADDR_LOOPBACK, 0), 16)); }
CASE(bind, listener_null, CONNECTED) { TRY(F(bind)(side->listener, null, 16)); }
CASE(bind, listener_short, CONNECTED) { TRY(F(bind)(side->listener, at(AF_INET, INADDR_LOOPBACK, 0), 4)); }
CASE(bind, connection, CONNECTED) { TRY(F(bind)(side->fd, at(AF_INET, INADDR_LOOPBACK, 0), 16)); }
CASE(bind, closed, BARE) { TRY(F(bind)(CLOSED, at(AF_INET, INADDR_LOOPBACK, 0), 16)); }
CASE(bind, negative, BARE) { TRY(F(bind)(-1, at(AF_INET, INADDR_LOOPBACK, 0), 16)); }
CASE(bind, pipe, BARE) { TRY(F(bind)(pipe_end(0), at(AF_INET, INADDR_LOOPBACK, 0), 16)); }

static int fresh(void) { return socket(AF_INET, SOCK_STREAM, 0); }

CASE(bind, null, BARE) { TRY(F(bind)(fresh(), null, 16)); }
CASE(bind, bad, BARE) { TRY(F(bind)(fresh(), bad, 16)); }
CASE(bind, short, BARE) { TRY(F(bind)(fresh(), at(AF_INET, INADDR_LOOPBACK, 0), 15)); }
CASE(bind, zero, BARE) { TRY(F(bind)(fresh(), at(AF_INET, INADDR_LOOPBACK, 0), 0)); }
CASE(bind, negative_len, BARE) { TRY(F(bind)(fresh(), at(AF_INET, INADDR_LOOPBACK, 0), -1)); }
CASE(bind, long, BARE) { TRY(F(bind)(fresh(), at(AF_INET, INADDR_LOOPBACK, 0), 129)); }
CASE(bind, family, BARE) { TRY(F(bind)(fresh(), at(AF_UNIX, INADDR_LOOPBACK, 0), 16)); }
CASE(bind, no_family, BARE) { TRY(F(bind)(fresh(), at(99, INADDR_LOOPBACK, 0), 16)); }
CASE(bind, elsewhere, BARE) { TRY(F(bind)(fresh(), at(AF_INET, 0xc0000201, 0), 16)); }
CASE(bind, twice, BARE) {
    int fd = fresh();
    TRY(F(bind)(fd, at(AF_INET, INADDR_LOOPBACK, 0), 16)), TRY(F(bind)(fd, at(AF_INET, INADDR_LOOPBACK, 0), 16));
    TRY(F(bind)(fd, null, 16)), TRY(F(bind)(fd, at(AF_INET, INADDR_LOOPBACK, 0), 129)), TRY(F(bind)(fd, bad, 16));
    TRY(F(getsockname)(fd, &name.any, room_of(16))), say_name(side);
    TRY(F(getpeername)(fd, &name.any, room_of(16))), TRY(F(accept)(fd, null, null));
}
CASE(bind, datagram, BARE) { TRY(F(bind)(socket(AF_INET, SOCK_DGRAM, 0), at(AF_INET, INADDR_LOOPBACK, 0), 16)); }

CASE(listen, twice, CONNECTED) { TRY(F(listen)(side->listener, 16)), TRY(F(listen)(side->listener, 1)); }
CASE(listen, odd_backlogs, CONNECTED) { TRY(F(listen)(side->listener, 0)), TRY(F(listen)(side->listener, -1)); }
CASE(listen, connection, CONNECTED) { TRY(F(listen)(side->fd, 16)); }
CASE(listen, closed, BARE) { TRY(F(listen)(CLOSED, 16)); }
CASE(listen, negative, BARE) { TRY(F(listen)(-1, 16)); }
CASE(listen, pipe, BARE) { TRY(F(listen)(pipe_end(0), 16)); }
CASE(listen, unbound, BARE) { TRY(F(listen)(fresh(), 16)); }
CASE(listen, negative_backlog, BARE) { TRY(F(listen)(fresh(), -1)); }
CASE(listen, datagram, BARE) { TRY(F(listen)(socket(AF_INET, SOCK_DGRAM, 0), 16)); }

CASE(connect, listener, CONNECTED) { TRY(F(connect)(side->listener, at(AF_INET, INADDR_LOOPBACK, 9), 16)); }
CASE(connect, connection, CONNECTED) { TRY(F(connect)(side->fd, at(AF_INET, INADDR_LOOPBACK, 9), 16)); }
CASE(connect, connection_null, CONNECTED) { TRY(F(connect)(side->fd, null, 16)); }
CASE(connect, connection_short, CONNECTED) { TRY(F(connect)(side->fd, at(AF_INET, INADDR_LOOPBACK, 9), 4)); }
CASE(connect, connection_family, CONNECTED) { TRY(F(connect)(side->fd, at(99, INADDR_LOOPBACK, 9), 16)); }
CASE(connect, refused, BARE) { TRY(F(connect)(fresh(), at(AF_INET, INADDR_LOOPBACK, 1), 16)); }
CASE(connect, null, BARE) { TRY(F(connect)(fresh(), null, 16)); }
CASE(connect, bad, BARE) { TRY(F(connect)(fresh(), bad, 16)); }
CASE(connect, short, BARE) { TRY(F(connect)(fresh(), at(AF_INET, INADDR_LOOPBACK, 1), 15)); }
CASE(connect, long, BARE) { TRY(F(connect)(fresh(), at(AF_INET, INADDR_LOOPBACK, 1), 129)); }
CASE(connect, family, BARE) { TRY(F(connect)(fresh(), at(99, INADDR_LOOPBACK, 1), 16)); }
CASE(connect, closed, BARE) { TRY(F(connect)(CLOSED, at(AF_INET, INADDR_LOOPBACK, 1), 16)); }
CASE(connect, pipe, BARE) { TRY(F(connect)(pipe_end(0), at(AF_INET, INADDR_LOOPBACK, 1), 16)); }
CASE(connect, after_bind, BARE) {
    int fd = fresh();
    TRY(F(bind)(fd, at(AF_INET, INADDR_LOOPBACK, 0), 16)), TRY(F(connect)(fd, at(AF_INET, INADDR_LOOPBACK, 1), 16));
}
CASE(connect, bad_after_bind, BARE) {
    int fd = fresh();
    TRY(F(bind)(fd, at(AF_INET, INADDR_LOOPBACK, 0), 16)), TRY(F(connect)(fd, bad, 16)), TRY(F(listen)(fd, 16));
}
