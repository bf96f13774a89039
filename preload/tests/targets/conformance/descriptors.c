/* close(2), dup(2), fcntl(2), ioctl(2), shutdown(2), fdopen(3). */

#include "conformance.h"

CASE(close, twice, CONNECTED) { TRY(F(close)(side->fd)), TRY(F(close)(side->fd)), TRY(F(read)(side->fd, null, 1)); }
CASE(close, listener_twice, CONNECTED) { TRY(F(close)(side->listener)), TRY(F(close)(side->listener)), TRY(F(accept)(side->listener, null, null)); }
CASE(close, negative, BARE) { TRY(F(close)(-1)); }
CASE(close, closed, BARE) { TRY(F(close)(CLOSED)); }
CASE(close, copy_stays, UNREAD) { int copy = F(dup)(side->fd); char c; TRY(F(close)(side->fd)), TRY(F(read)(copy, &c, 1)); }
CASE(close, number_again, CONNECTED) { int fd = side->fd; TRY(F(close)(fd)), say(side, "same=%d", F(open)("/dev/null", O_RDWR) == fd), TRY(F(write)(fd, "a", 1)); }
CASE(close_range, reversed, CONNECTED) { TRY(F(close_range)(side->fd, side->fd - 1, 0)); }
CASE(close_range, unknown_flag, CONNECTED) { TRY(F(close_range)(side->fd, side->fd, 0x100)); }
CASE(close_range, unknown_flags, CONNECTED) { TRY(F(close_range)(side->fd, side->fd, -1)); }
CASE(close_range, nothing, CONNECTED) { TRY(F(close_range)(CLOSED, CLOSED, 0)); }
CASE(close_range, itself, CONNECTED) { TRY(F(close_range)(side->fd, side->fd, 0)), TRY(F(read)(side->fd, null, 1)); }
CASE(close_range, cloexec, CONNECTED) { TRY(F(close_range)(side->fd, side->fd, CLOSE_RANGE_CLOEXEC)), TRY(F(fcntl)(side->fd, F_GETFD)); }
CASE(closefrom, above, CONNECTED) { F(closefrom)(1000), TRY(0); }

CASE(dup, connection, NONBLOCKING) { TRY_FD(F(dup)(side->fd)); }
CASE(dup, listener, CONNECTED) { TRY_FD(F(dup)(side->listener)); }
CASE(dup, negative, BARE) { TRY_FD(F(dup)(-1)); }
CASE(dup, closed, BARE) { TRY_FD(F(dup)(CLOSED)); }
CASE(dup, no_descriptor, CONNECTED) {
    struct rlimit before, limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    limit = before, limit.rlim_cur = 3;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    TRY_FD(F(dup)(side->fd)), TRY_FD(F(dup)(side->listener));
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
}
CASE(dup2, itself, CONNECTED) { TRY_FD(F(dup2)(side->fd, side->fd)); }
CASE(dup2, listener_itself, CONNECTED) { TRY_FD(F(dup2)(side->listener, side->listener)); }
CASE(dup2, closed_itself, BARE) { TRY_FD(F(dup2)(CLOSED, CLOSED)); }
CASE(dup2, from_closed, CONNECTED) { TRY_FD(F(dup2)(CLOSED, side->fd)); }
CASE(dup2, to_negative, CONNECTED) { TRY_FD(F(dup2)(side->fd, -1)); }
CASE(dup2, to_huge, CONNECTED) { TRY_FD(F(dup2)(side->fd, INT_MAX)); }
CASE(dup2, to_far, UNREAD) { TRY_FD(F(dup2)(side->fd, 150)); }
CASE(dup2, over_connection, CONNECTED) { TRY_FD(F(dup2)(pipe_end(0), side->fd)), TRY(F(recv)(side->fd, null, 1, 0)); }
CASE(dup2, listener_over_connection, UNREAD) { TRY_FD(F(dup2)(side->listener, side->fd)), TRY(F(shutdown)(side->fd, 99)); }
CASE(dup3, itself, CONNECTED) { TRY_FD(F(dup3)(side->fd, side->fd, 0)); }
CASE(dup3, unknown_flag, CONNECTED) { TRY_FD(F(dup3)(side->fd, 150, O_NONBLOCK)); }
CASE(dup3, cloexec, CONNECTED) { TRY_FD(F(dup3)(side->fd, 150, O_CLOEXEC)); }
CASE(dup3, from_closed, BARE) { TRY_FD(F(dup3)(CLOSED, 150, 0)); }
CASE(dup3, to_negative, CONNECTED) { TRY_FD(F(dup3)(side->fd, -1, 0)); }
CASE(dup3, to_huge, CONNECTED) { TRY_FD(F(dup3)(side->fd, INT_MAX, 0)); }
CASE(dup3, to_stderr_unknown_flag, CONNECTED) { TRY_FD(F(dup3)(side->fd, 2, O_NONBLOCK)); }

/* Defines one case for the connection and one for the listener. */
#define COMMAND(name, ...)                                                                                                    \
    NAMED_CASE(fcntl_##name, "fcntl/" #name, CONNECTED) { TRY(F(fcntl)(side->fd, __VA_ARGS__)); }                             \
    NAMED_CASE(fcntl_listener_##name, "fcntl/listener_" #name, CONNECTED) { TRY(F(fcntl)(side->listener, __VA_ARGS__)); }

static struct flock whole = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
static struct f_owner_ex owner = {99, 1};

COMMAND(unknown, 9999)
COMMAND(negative, -1)
COMMAND(get_fd_flags, F_GETFD)
COMMAND(get_mode, F_GETFL)
COMMAND(copy_negative, F_DUPFD, -1)
COMMAND(copy_huge, F_DUPFD, INT_MAX)
COMMAND(copy_close_on_exec_huge, F_DUPFD_CLOEXEC, INT_MAX)
COMMAND(lock, F_SETLK, &whole)
COMMAND(lock_bad, F_SETLK, bad)
COMMAND(get_lock_bad, F_GETLK, bad)
COMMAND(lease, F_SETLEASE, F_RDLCK)
COMMAND(notify, F_NOTIFY, DN_ACCESS)
COMMAND(pipe_size, F_GETPIPE_SZ)
COMMAND(seals, F_GET_SEALS)
COMMAND(owner, F_GETOWN)
COMMAND(set_owner_nobody, F_SETOWN, 0)
COMMAND(set_owner_missing, F_SETOWN, 999999999)
COMMAND(set_owner_smallest, F_SETOWN, INT_MIN)
COMMAND(get_owner_bad, F_GETOWN_EX, bad)
COMMAND(set_owner_bad, F_SETOWN_EX, bad)
COMMAND(set_owner_unknown, F_SETOWN_EX, &owner)
COMMAND(signal, F_GETSIG)
COMMAND(signal_invalid, F_SETSIG, 65)

static void try_mode(struct side *side, int fd, int mode) { TRY(F(fcntl)(fd, F_SETFL, mode)), say(side, "mode=%#x", F(fcntl)(fd, F_GETFL)); }

CASE(fcntl, set_mode, CONNECTED) { try_mode(side, side->fd, O_NONBLOCK), try_mode(side, side->fd, 0), try_mode(side, side->fd, -1 & ~O_ASYNC & ~O_DIRECT); }
CASE(fcntl, set_append, CONNECTED) { try_mode(side, side->fd, O_APPEND | O_NOATIME), try_mode(side, side->listener, O_APPEND); }
CASE(fcntl, set_direct, CONNECTED) { try_mode(side, side->fd, O_DIRECT), try_mode(side, side->listener, O_DIRECT); }
CASE(fcntl, set_async, CONNECTED) { try_mode(side, side->fd, O_ASYNC); }
CASE(fcntl, set_fd_flags, CONNECTED) { TRY(F(fcntl)(side->fd, F_SETFD, 1)), TRY(F(fcntl)(side->fd, F_GETFD)), TRY(F(fcntl)(side->fd, F_SETFD, -2)), TRY(F(fcntl)(side->fd, F_GETFD)); }
CASE(fcntl, copy, CONNECTED) { TRY_FD(F(fcntl)(side->fd, F_DUPFD, 100)), TRY_FD(F(fcntl)(side->fd, F_DUPFD_CLOEXEC, 100)); }
CASE(fcntl, closed, BARE) { TRY(F(fcntl)(CLOSED, F_GETFL)), TRY(F(fcntl)(CLOSED, 9999)), TRY(F(fcntl)(-1, F_SETFL, 0)); }
CASE(fcntl64, unknown, CONNECTED) { TRY(F(fcntl64)(side->fd, 9999)), TRY(F(fcntl64)(side->fd, F_GETFL)); }

#define REQUEST(name, ...)                                                                                                    \
    NAMED_CASE(ioctl_##name, "ioctl/" #name, UNREAD) { TRY(F(ioctl)(side->fd, __VA_ARGS__)); }                                \
    NAMED_CASE(ioctl_listener_##name, "ioctl/listener_" #name, CONNECTED) { TRY(F(ioctl)(side->listener, __VA_ARGS__)); }

REQUEST(unknown, 0x12345678)
REQUEST(unread_null, FIONREAD, null)
REQUEST(unread_bad, FIONREAD, bad)
REQUEST(nonblocking_null, FIONBIO, null)
REQUEST(nonblocking_bad, FIONBIO, bad)
REQUEST(async_bad, FIOASYNC, bad)
REQUEST(unsent_bad, TIOCOUTQ, bad)
REQUEST(mark_bad, 0x8905 /* SIOCATMARK */, bad)
REQUEST(terminal, TCGETS, bad)
REQUEST(owner_bad, 0x8902 /* SIOCSPGRP */, bad)
REQUEST(interface_bad, 0x8910 /* SIOCGIFNAME */, bad)
REQUEST(close_on_exec, FIOCLEX)

static void try_ioctl(struct side *side, int fd, unsigned long request, int number) { TRY(F(ioctl)(fd, request, &number)), say(side, "value=%d", number); }

CASE(ioctl, unread, UNREAD) { try_ioctl(side, side->fd, FIONREAD, 7); }
CASE(ioctl, unread_shut, UNREAD) { F(shutdown)(side->fd, SHUT_RD), try_ioctl(side, side->fd, FIONREAD, 7); }
CASE(ioctl, unread_half_closed, HALF_CLOSED) { try_ioctl(side, side->fd, FIONREAD, 7); }
CASE(ioctl, listener_unread, CONNECTED) { try_ioctl(side, side->listener, FIONREAD, 7); }
CASE(ioctl, unsent, CONNECTED) { try_ioctl(side, side->fd, TIOCOUTQ, 7); }
CASE(ioctl, mark, UNREAD) { try_ioctl(side, side->fd, 0x8905, 7); }
CASE(ioctl, nonblocking, CONNECTED) { try_ioctl(side, side->fd, FIONBIO, 5); }
CASE(ioctl, async, CONNECTED) { try_ioctl(side, side->fd, FIOASYNC, 1); }
CASE(ioctl, closed, BARE) { try_ioctl(side, CLOSED, FIONREAD, 7), try_ioctl(side, -1, FIONBIO, 7); }

CASE(shutdown, unknown, CONNECTED) { TRY(F(shutdown)(side->fd, 99)), TRY(F(shutdown)(side->fd, -1)); }
CASE(shutdown, reading, UNREAD) { TRY(F(shutdown)(side->fd, SHUT_RD)), TRY(F(shutdown)(side->fd, SHUT_RD)); }
CASE(shutdown, writing, UNREAD) { TRY(F(shutdown)(side->fd, SHUT_WR)), TRY(F(shutdown)(side->fd, SHUT_WR)); }
CASE(shutdown, both, UNREAD) { TRY(F(shutdown)(side->fd, SHUT_RDWR)), TRY(F(shutdown)(side->fd, SHUT_RDWR)); }
CASE(shutdown, half_closed, HALF_CLOSED) { TRY(F(shutdown)(side->fd, SHUT_WR)), TRY(F(shutdown)(side->fd, SHUT_WR)), TRY(F(shutdown)(side->fd, 99)); }
CASE(shutdown, listener_unknown, CONNECTED) { TRY(F(shutdown)(side->listener, 99)); }
CASE(shutdown, listener_writing, CONNECTED) { TRY(F(shutdown)(side->listener, SHUT_WR)); }
CASE(shutdown, listener, CONNECTED) { TRY(F(shutdown)(side->listener, SHUT_RD)), TRY(F(accept)(side->listener, null, null)); }
CASE(shutdown, closed, BARE) { TRY(F(shutdown)(CLOSED, SHUT_RD)), TRY(F(shutdown)(-1, 99)); }
CASE(shutdown, pipe, BARE) { TRY(F(shutdown)(pipe_end(0), SHUT_RD)); }

static void try_fdopen(struct side *side, int fd, const char *mode) {
    begin_try();
    FILE *file = F(fdopen)(fd, mode);
    end_try_pointer(side, file);
    if (file) say(side, "fileno=%d,%d", F(fileno)(file) == fd, F(fileno_unlocked)(file) == fd);
}

CASE(fdopen, both, CONNECTED) { try_fdopen(side, side->fd, "r+"); }
CASE(fdopen, unknown_mode, CONNECTED) { try_fdopen(side, side->fd, "x"); }
CASE(fdopen, empty_mode, CONNECTED) { try_fdopen(side, side->fd, ""); }
CASE(fdopen, null_mode, CONNECTED) { try_fdopen(side, side->fd, null); }
CASE(fdopen, append, CONNECTED) { try_fdopen(side, side->fd, "a"); }
CASE(fdopen, close_on_exec, CONNECTED) { try_fdopen(side, side->fd, "re"), TRY(F(fcntl)(side->fd, F_GETFD)); }
CASE(fdopen, listener, CONNECTED) { try_fdopen(side, side->listener, "r"); }
CASE(fdopen, closed, BARE) { try_fdopen(side, CLOSED, "r"); }
CASE(fdopen, negative, BARE) { try_fdopen(side, -1, "r"); }
CASE(fdopen, seek, CONNECTED) { FILE *file = F(fdopen)(side->fd, "r+"); TRY(fseek(file, 1, SEEK_SET)), TRY(ftell(file)); }
CASE(fdopen, shut, CONNECTED) { F(shutdown)(side->fd, SHUT_WR); FILE *file = F(fdopen)(side->fd, "w"); TRY(fputs("a", file) < 0 ? -1 : 1), TRY(fflush(file)); }
CASE(fileno, standard, BARE) { TRY(F(fileno)(stderr)), TRY(F(fileno_unlocked)(stderr)); }
CASE(fileno, memory, BARE) { static char room[9]; TRY(F(fileno)(fmemopen(room, 9, "r"))); }
CASE(fileno, null, BARE) { TRY(F(fileno)(null)); }
CASE(fileno_unlocked, null, BARE) { TRY(F(fileno_unlocked)(null)); }
