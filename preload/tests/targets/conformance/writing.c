/* write(2), writev(2), send(2), sendfile(2), splice(2), dprintf(3). */

#include "conformance.h"

int __dprintf_chk(int, int, const char *, ...);
int __vdprintf_chk(int, int, const char *, va_list);

static char buffer[64] = "some bytes";

CASE(write, some, CONNECTED) { TRY(F(write)(side->fd, buffer, 4)); }
CASE(write, bad_buffer, CONNECTED) { TRY(F(write)(side->fd, bad, 4)); }
CASE(write, null_buffer, CONNECTED) { TRY(F(write)(side->fd, null, 4)); }
CASE(write, partly_bad_buffer, CONNECTED) { TRY(F(write)(side->fd, before_the_edge(2), 5)); }
CASE(write, zero, CONNECTED) { TRY(F(write)(side->fd, buffer, 0)); }
CASE(write, zero_null, CONNECTED) { TRY(F(write)(side->fd, null, 0)); }
CASE(write, zero_bad, CONNECTED) { TRY(F(write)(side->fd, bad, 0)); }
CASE(write, zero_shut, CONNECTED) { F(shutdown)(side->fd, SHUT_WR), TRY(F(write)(side->fd, buffer, 0)); }
CASE(write, huge, CONNECTED) { TRY(F(write)(side->fd, buffer, huge)); }
CASE(write, shut, CONNECTED) { F(shutdown)(side->fd, SHUT_WR), TRY(F(write)(side->fd, buffer, 4)); }
CASE(write, shut_nonblocking, NONBLOCKING) { F(shutdown)(side->fd, SHUT_WR), TRY(F(write)(side->fd, buffer, 4)); }
CASE(write, shut_bad_buffer, CONNECTED) { F(shutdown)(side->fd, SHUT_WR), TRY(F(write)(side->fd, bad, 4)); }
CASE(write, half_closed, HALF_CLOSED) { TRY(F(write)(side->fd, buffer, 4)); }
CASE(write, gone, GONE) { TRY(F(write)(side->fd, buffer, 4)); }
CASE(write, negative, BARE) { TRY(F(write)(-1, buffer, 4)); }
CASE(write, closed, BARE) { TRY(F(write)(CLOSED, buffer, 4)); }
CASE(write, read_only, BARE) { TRY(F(write)(pipe_end(0), buffer, 4)); }
CASE(write, listener, CONNECTED) { TRY(F(write)(side->listener, buffer, 4)); }

static struct iovec parts[2000];

static struct iovec *two_parts(size_t first, size_t second) {
    parts[0] = (struct iovec){buffer, first};
    parts[1] = (struct iovec){buffer + 4, second};
    return parts;
}

CASE(writev, two, CONNECTED) { TRY(F(writev)(side->fd, two_parts(2, 3), 2)); }
CASE(writev, none, CONNECTED) { TRY(F(writev)(side->fd, parts, 0)); }
CASE(writev, none_null, CONNECTED) { TRY(F(writev)(side->fd, null, 0)); }
CASE(writev, none_shut, CONNECTED) { F(shutdown)(side->fd, SHUT_WR), TRY(F(writev)(side->fd, parts, 0)); }
CASE(writev, negative_count, CONNECTED) { TRY(F(writev)(side->fd, two_parts(2, 3), (int)huge)); }
CASE(writev, most, CONNECTED) { TRY(F(writev)(side->fd, two_parts(2, 3), 1024)); }
CASE(writev, too_many, CONNECTED) { TRY(F(writev)(side->fd, two_parts(2, 3), 1025)); }
CASE(writev, bad_parts, CONNECTED) { TRY(F(writev)(side->fd, bad, 1)); }
CASE(writev, null_parts, CONNECTED) { TRY(F(writev)(side->fd, null, 1)); }
CASE(writev, empty_parts, CONNECTED) { TRY(F(writev)(side->fd, two_parts(0, 0), 2)); }
CASE(writev, negative_part, CONNECTED) { TRY(F(writev)(side->fd, two_parts(2, huge), 2)); }
CASE(writev, bad_base, CONNECTED) { two_parts(2, 3), parts[0].iov_base = bad, TRY(F(writev)(side->fd, parts, 2)); }
CASE(writev, bad_second_base, CONNECTED) { two_parts(2, 3), parts[1].iov_base = bad, TRY(F(writev)(side->fd, parts, 2)); }
CASE(writev, bad_empty_base, CONNECTED) { two_parts(0, 3), parts[0].iov_base = bad, TRY(F(writev)(side->fd, parts, 2)); }
CASE(writev, shut, CONNECTED) { F(shutdown)(side->fd, SHUT_WR), TRY(F(writev)(side->fd, two_parts(2, 3), 2)); }
CASE(writev, closed, BARE) { TRY(F(writev)(CLOSED, two_parts(2, 3), 2)); }
CASE(writev, listener, CONNECTED) { TRY(F(writev)(side->listener, two_parts(2, 3), 2)); }

CASE(send, zero, CONNECTED) { TRY(F(send)(side->fd, buffer, 0, 0)); }
CASE(send, zero_shut, CONNECTED) { F(shutdown)(side->fd, SHUT_WR), TRY(F(send)(side->fd, buffer, 0, 0)); }
CASE(send, bad_buffer, CONNECTED) { TRY(F(send)(side->fd, bad, 4, 0)); }
CASE(send, bad_buffer_dontwait, CONNECTED) { TRY(F(send)(side->fd, bad, 4, MSG_DONTWAIT)); }
CASE(send, shut, CONNECTED) { F(shutdown)(side->fd, SHUT_WR), TRY(F(send)(side->fd, buffer, 4, 0)); }
CASE(send, shut_nosignal, CONNECTED) { F(shutdown)(side->fd, SHUT_WR), TRY(F(send)(side->fd, buffer, 4, MSG_NOSIGNAL)); }
CASE(send, shut_ignored, CONNECTED) {
    signal(SIGPIPE, SIG_IGN), F(shutdown)(side->fd, SHUT_WR), TRY(F(send)(side->fd, buffer, 4, 0));
}
CASE(send, shut_reading, CONNECTED) { F(shutdown)(side->fd, SHUT_RD), TRY(F(send)(side->fd, buffer, 4, 0)); }
CASE(send, more, CONNECTED) { TRY(F(send)(side->fd, buffer, 4, MSG_MORE)); }
CASE(send, oob, CONNECTED) { TRY(F(send)(side->fd, buffer, 1, MSG_OOB)); }
CASE(send, errqueue, CONNECTED) { TRY(F(send)(side->fd, buffer, 4, MSG_ERRQUEUE)); }
CASE(send, zerocopy, CONNECTED) { TRY(F(send)(side->fd, buffer, 4, MSG_ZEROCOPY)); }
CASE(send, dontroute, CONNECTED) { TRY(F(send)(side->fd, buffer, 4, MSG_DONTROUTE)); }
CASE(send, eor, CONNECTED) { TRY(F(send)(side->fd, buffer, 4, MSG_EOR)); }
CASE(send, peek, CONNECTED) { TRY(F(send)(side->fd, buffer, 4, MSG_PEEK)); }
CASE(send, unknown_flag, CONNECTED) { TRY(F(send)(side->fd, buffer, 4, 0x400000)); }
CASE(send, fastopen, CONNECTED) { TRY(F(send)(side->fd, buffer, 4, MSG_FASTOPEN)); }
CASE(send, negative, BARE) { TRY(F(send)(-1, buffer, 4, 0)); }
CASE(send, closed, BARE) { TRY(F(send)(CLOSED, buffer, 4, 0)); }
CASE(send, pipe, BARE) { TRY(F(send)(pipe_end(1), buffer, 4, 0)); }
CASE(send, listener, CONNECTED) { TRY(F(send)(side->listener, buffer, 4, 0)); }
CASE(send, listener_nosignal, CONNECTED) { TRY(F(send)(side->listener, buffer, 4, MSG_NOSIGNAL)); }

static struct sockaddr_in elsewhere = {.sin_family = AF_INET, .sin_port = 2304};
#define ELSEWHERE ((struct sockaddr *)&elsewhere)

CASE(sendto, null, CONNECTED) { TRY(F(sendto)(side->fd, buffer, 4, 0, null, 0)); }
CASE(sendto, null_len, CONNECTED) { TRY(F(sendto)(side->fd, buffer, 4, 0, null, 16)); }
CASE(sendto, address, CONNECTED) { TRY(F(sendto)(side->fd, buffer, 4, 0, ELSEWHERE, sizeof elsewhere)); }
CASE(sendto, short_address, CONNECTED) { TRY(F(sendto)(side->fd, buffer, 4, 0, ELSEWHERE, 1)); }
CASE(sendto, bad_address, CONNECTED) { TRY(F(sendto)(side->fd, buffer, 4, 0, bad, 16)); }
CASE(sendto, negative_len, CONNECTED) { TRY(F(sendto)(side->fd, buffer, 4, 0, ELSEWHERE, -1)); }
CASE(sendto, long_address, CONNECTED) { TRY(F(sendto)(side->fd, buffer, 4, 0, ELSEWHERE, 129)); }
CASE(sendto, bad_buffer, CONNECTED) { TRY(F(sendto)(side->fd, bad, 4, 0, null, 0)); }
CASE(sendto, shut, CONNECTED) { F(shutdown)(side->fd, SHUT_WR), TRY(F(sendto)(side->fd, buffer, 4, 0, null, 0)); }
CASE(sendto, closed, BARE) { TRY(F(sendto)(CLOSED, buffer, 4, 0, null, 0)); }
CASE(sendto, pipe, BARE) { TRY(F(sendto)(pipe_end(1), buffer, 4, 0, null, 0)); }
CASE(sendto, listener, CONNECTED) { TRY(F(sendto)(side->listener, buffer, 4, 0, null, 0)); }

static void try_sendfile(struct side *side, int to, int from, long offset, bool with_offset, size_t count) {
    off_t at = offset;
    TRY(F(sendfile)(to, from, with_offset ? &at : null, count));
    say(side, "offset=%ld position=%ld", at, from >= 0 ? (long)lseek(from, 0, SEEK_CUR) : -1);
}

CASE(sendfile, whole, CONNECTED) { try_sendfile(side, side->fd, file_of("contents"), 0, false, 100); }
CASE(sendfile, part, CONNECTED) { try_sendfile(side, side->fd, file_of("contents"), 2, true, 3); }
CASE(sendfile, past_the_end, CONNECTED) { try_sendfile(side, side->fd, file_of("contents"), 20, true, 3); }
CASE(sendfile, zero, CONNECTED) { try_sendfile(side, side->fd, file_of("contents"), 2, true, 0); }
CASE(sendfile, huge, CONNECTED) { try_sendfile(side, side->fd, file_of("contents"), 2, true, huge); }
CASE(sendfile, zero_closed, CONNECTED) { try_sendfile(side, side->fd, CLOSED, 2, true, 0); }
CASE(sendfile, negative_offset, CONNECTED) { try_sendfile(side, side->fd, file_of("contents"), -1, true, 3); }
CASE(sendfile, huge_offset, CONNECTED) { try_sendfile(side, side->fd, file_of("contents"), LONG_MAX, true, 3); }
CASE(sendfile, bad_offset, CONNECTED) { TRY(F(sendfile)(side->fd, file_of("contents"), bad, 3)); }
CASE(sendfile, from_negative, CONNECTED) { try_sendfile(side, side->fd, -1, 0, false, 3); }
CASE(sendfile, from_closed, CONNECTED) { try_sendfile(side, side->fd, CLOSED, 0, false, 3); }
CASE(sendfile, from_pipe, CONNECTED) { try_sendfile(side, side->fd, pipe_end(1), 0, false, 3); }
CASE(sendfile, from_itself, UNREAD) { try_sendfile(side, side->fd, side->fd, 0, false, 3); }
CASE(sendfile, from_directory, CONNECTED) { try_sendfile(side, side->fd, open("/", O_RDONLY), 0, false, 3); }
CASE(sendfile, from_write_only, CONNECTED) { try_sendfile(side, side->fd, open("/dev/shm", O_TMPFILE | O_WRONLY, 0600), 0, false, 3); }
CASE(sendfile, shut, CONNECTED) { F(shutdown)(side->fd, SHUT_WR), try_sendfile(side, side->fd, file_of("contents"), 0, true, 3); }
CASE(sendfile, shut_nothing, CONNECTED) { F(shutdown)(side->fd, SHUT_WR), try_sendfile(side, side->fd, file_of(""), 0, true, 3); }
CASE(sendfile, to_closed, BARE) { try_sendfile(side, CLOSED, file_of("contents"), 0, true, 3); }
CASE(sendfile, to_listener, CONNECTED) { try_sendfile(side, side->listener, file_of("contents"), 0, true, 3); }
CASE(sendfile64, part, CONNECTED) {
    off64_t at = 2;
    TRY(F(sendfile64)(side->fd, file_of("contents"), &at, 3));
    say(side, "offset=%ld", (long)at);
}

CASE(splice, in, UNREAD) { TRY(F(splice)(side->fd, null, pipe_end(1), null, 3, 0)); }
CASE(splice, in_nothing, NONBLOCKING) { TRY(F(splice)(side->fd, null, pipe_end(1), null, 3, 0)); }
CASE(splice, in_nothing_flag, CONNECTED) { TRY(F(splice)(side->fd, null, pipe_end(1), null, 3, SPLICE_F_NONBLOCK)); }
CASE(splice, in_zero, CONNECTED) { TRY(F(splice)(side->fd, null, pipe_end(1), null, 0, 0)); }
CASE(splice, in_end, HALF_CLOSED) { TRY(F(splice)(side->fd, null, pipe_end(1), null, 3, 0)); }
CASE(splice, no_pipe, UNREAD) { TRY(F(splice)(side->fd, null, file_of(""), null, 3, 0)); }
CASE(splice, no_pipe_nothing, CONNECTED) { TRY(F(splice)(side->fd, null, file_of(""), null, 3, 0)); }
CASE(splice, to_read_end, CONNECTED) { TRY(F(splice)(side->fd, null, pipe_end(0), null, 3, 0)); }
CASE(splice, to_closed, CONNECTED) { TRY(F(splice)(side->fd, null, CLOSED, null, 3, 0)); }
CASE(splice, from_closed, CONNECTED) { TRY(F(splice)(CLOSED, null, side->fd, null, 3, 0)); }
CASE(splice, pipe_offset, CONNECTED) { off64_t at = 0; TRY(F(splice)(side->fd, null, pipe_end(1), &at, 3, 0)); }
CASE(splice, socket_offset, CONNECTED) { off64_t at = 0; TRY(F(splice)(side->fd, &at, pipe_end(1), null, 3, 0)); }
CASE(splice, bad_offset, CONNECTED) { TRY(F(splice)(side->fd, bad, pipe_end(1), null, 3, 0)); }
CASE(splice, unknown_flag, UNREAD) { TRY(F(splice)(side->fd, null, pipe_end(1), null, 3, 0x100)); }
CASE(splice, unknown_flag_nothing, CONNECTED) { TRY(F(splice)(side->fd, null, pipe_end(1), null, 3, 0x100)); }
CASE(splice, from_listener, CONNECTED) { TRY(F(splice)(side->listener, null, pipe_end(1), null, 3, 0)); }
CASE(splice, shut, CONNECTED) {
    int ends[2];
    CHECK(pipe(ends) == 0 && F(write)(ends[1], "abc", 3) == 3);
    F(shutdown)(side->fd, SHUT_WR), TRY(F(splice)(ends[0], null, side->fd, null, 3, 0));
}

static int call_vdprintf(struct side *side, bool checked, int fd, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int result = checked ? F(__vdprintf_chk)(fd, 1, format, arguments) : F(vdprintf)(fd, format, arguments);
    va_end(arguments);
    return result;
}

CASE(dprintf, some, CONNECTED) { TRY(F(dprintf)(side->fd, "%d and %g", 5, 0.5)); }
CASE(dprintf, empty, CONNECTED) { TRY(F(dprintf)(side->fd, "%s", "")); }
CASE(dprintf, shut, CONNECTED) { F(shutdown)(side->fd, SHUT_WR), TRY(F(dprintf)(side->fd, "%d", 5)); }
CASE(dprintf, closed, BARE) { TRY(F(dprintf)(CLOSED, "%d", 5)); }
CASE(dprintf, listener, CONNECTED) { TRY(F(dprintf)(side->listener, "%d", 5)); }
CASE(__dprintf_chk, some, CONNECTED) { TRY(F(__dprintf_chk)(side->fd, 1, "%d", 5)); }
CASE(vdprintf, some, CONNECTED) { TRY(call_vdprintf(side, false, side->fd, "%d", 5)); }
CASE(vdprintf, closed, BARE) { TRY(call_vdprintf(side, false, CLOSED, "%d", 5)); }
CASE(__vdprintf_chk, some, CONNECTED) { TRY(call_vdprintf(side, true, side->fd, "%d", 5)); }
