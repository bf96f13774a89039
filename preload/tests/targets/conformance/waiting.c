/* poll(2), ppoll(2), select(2), pselect(2). */

#include "conformance.h"

int __poll_chk(struct pollfd *, nfds_t, int, size_t);
int __ppoll_chk(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *, size_t);

static struct pollfd entries[600];

static struct pollfd *entry_of(int fd, short events) {
    entries[0] = (struct pollfd){fd, events, 0x7fff};
    entries[1] = (struct pollfd){-1, POLLIN, 0x7fff};
    return entries;
}

static void try_poll(struct side *side, struct pollfd *wanted, nfds_t count, int limit) {
    TRY(F(poll)(wanted, count, limit));
    say(side, "fd=%s revents=%#x,%#x", entries[0].fd < 0 ? "negative" : "same", entries[0].revents, entries[1].revents);
}

CASE(poll, unread, UNREAD) { try_poll(side, entry_of(side->fd, POLLIN | POLLOUT), 1, -1); }
CASE(poll, any_negative_limit, UNREAD) { try_poll(side, entry_of(side->fd, POLLIN), 1, -7); }
CASE(poll, nothing, CONNECTED) { try_poll(side, entry_of(side->fd, POLLIN), 1, -1); }
CASE(poll, limit, CONNECTED) { try_poll(side, entry_of(side->fd, POLLIN), 2, 20); }
CASE(poll, at_once, CONNECTED) { try_poll(side, entry_of(side->fd, POLLIN), 2, 0); }
CASE(poll, no_events, UNREAD) { try_poll(side, entry_of(side->fd, 0), 1, 20); }
CASE(poll, all_events, UNREAD) { try_poll(side, entry_of(side->fd, -1), 1, 20); }
CASE(poll, all_events_half_closed, HALF_CLOSED) { try_poll(side, entry_of(side->fd, -1), 1, 20); }
CASE(poll, all_events_gone, GONE) { try_poll(side, entry_of(side->fd, -1), 1, 20); }
CASE(poll, all_events_pending, PENDING) { try_poll(side, entry_of(side->listener, -1), 1, 20); }
CASE(poll, all_events_listener, CONNECTED) { try_poll(side, entry_of(side->listener, -1), 1, 20); }
CASE(poll, all_events_shut, CONNECTED) { F(shutdown)(side->fd, SHUT_WR), try_poll(side, entry_of(side->fd, -1), 1, 20); }
CASE(poll, all_events_shut_reading, CONNECTED) { F(shutdown)(side->fd, SHUT_RD), try_poll(side, entry_of(side->fd, -1), 1, 20); }
CASE(poll, all_events_shut_both, CONNECTED) { F(shutdown)(side->fd, SHUT_RDWR), try_poll(side, entry_of(side->fd, -1), 1, 20); }
CASE(poll, all_events_both_ways, HALF_CLOSED) { F(shutdown)(side->fd, SHUT_WR), try_poll(side, entry_of(side->fd, -1), 1, 20); }
CASE(poll, negative_number, UNREAD) { try_poll(side, entry_of(~side->fd, POLLIN), 2, 20); }
CASE(poll, marked_number, UNREAD) { try_poll(side, entry_of(side->fd | INT_MIN, POLLIN), 2, 20); }
CASE(poll, marked_number_beside_real, UNREAD) {
    entry_of(side->fd | INT_MIN, POLLIN), entries[1] = (struct pollfd){pipe_end(1), POLLOUT, 0};
    try_poll(side, entries, 2, 20);
}
CASE(poll, closed, UNREAD) { entry_of(side->fd, POLLIN), entries[1].fd = CLOSED, try_poll(side, entries, 2, -1); }
CASE(poll, twice, UNREAD) { entry_of(side->fd, POLLIN), entries[1].fd = side->fd, try_poll(side, entries, 2, -1); }
CASE(poll, beside_real, UNREAD) { entry_of(side->fd, POLLIN), entries[1].fd = pipe_end(0), try_poll(side, entries, 2, -1); }
CASE(poll, none, CONNECTED) { try_poll(side, null, 0, 20); }
CASE(poll, none_bad, CONNECTED) { try_poll(side, bad, 0, 0); }
CASE(poll, null, CONNECTED) { try_poll(side, null, 1, 20); }
CASE(poll, bad, CONNECTED) { try_poll(side, bad, 1, 20); }
CASE(poll, bad_at_once, CONNECTED) { try_poll(side, bad, 1, 0); }
CASE(poll, too_many, UNREAD) {
    struct rlimit limit = {500, 500};
    entry_of(side->fd, POLLIN);
    for (int i = 1; i < 600; i++) entries[i].fd = -1;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    try_poll(side, entries, 501, 20), try_poll(side, entries, 501, 0), try_poll(side, entries, -1, 0);
    try_poll(side, entries, 500, 20);
}
CASE(poll, unwritable, UNREAD) {
    struct pollfd *entry = (struct pollfd *)before_the_edge(64);
    *entry = (struct pollfd){side->fd, POLLIN, 0};
    CHECK(mprotect((void *)((uintptr_t)entry & -4096), 4096, PROT_READ) == 0);
    TRY(F(poll)(entry, 1, 20));
}
CASE(__poll_chk, unread, UNREAD) { TRY(F(__poll_chk)(entry_of(side->fd, POLLIN), 1, -1, sizeof entries)); }

static void try_ppoll(struct side *side, struct pollfd *wanted, long seconds, long nanoseconds, void *mask) {
    struct timespec limit = {seconds, nanoseconds};
    TRY(F(ppoll)(wanted, 1, &limit, mask));
    say(side, "revents=%#x limit=%ld,%ld", entries[0].revents, limit.tv_sec, limit.tv_nsec);
}

CASE(ppoll, unread, UNREAD) { try_ppoll(side, entry_of(side->fd, POLLIN), 5, 0, null); }
CASE(ppoll, limit, CONNECTED) { try_ppoll(side, entry_of(side->fd, POLLIN), 0, 20000000, null); }
CASE(ppoll, invalid_nanoseconds, UNREAD) { try_ppoll(side, entry_of(side->fd, POLLIN), 0, 1000000000, null); }
CASE(ppoll, negative_nanoseconds, UNREAD) { try_ppoll(side, entry_of(side->fd, POLLIN), 1, -1, null); }
CASE(ppoll, negative_seconds, UNREAD) { try_ppoll(side, entry_of(side->fd, POLLIN), -1, 0, null); }
CASE(ppoll, bad, CONNECTED) { try_ppoll(side, bad, 1, 0, null); }
CASE(ppoll, bad_limit, UNREAD) { TRY(F(ppoll)(entry_of(side->fd, POLLIN), 1, bad, null)); }
CASE(ppoll, bad_mask, UNREAD) { try_ppoll(side, entry_of(side->fd, POLLIN), 1, 0, bad); }
CASE(ppoll, no_limit, UNREAD) { TRY(F(ppoll)(entry_of(side->fd, POLLIN), 1, null, null)); }
CASE(__ppoll_chk, unread, UNREAD) { TRY(F(__ppoll_chk)(entry_of(side->fd, POLLIN), 1, null, null, sizeof entries)); }

static fd_set sets[3];

static fd_set *set_of(int fd) {
    memset(sets, 0, sizeof sets);
    for (int i = 0; i < 3; i++) FD_SET(fd, &sets[i]);
    return sets;
}

static void say_sets(struct side *side, int fd) {
    say(side, "sets=%d%d%d", !!FD_ISSET(fd, &sets[0]), !!FD_ISSET(fd, &sets[1]), !!FD_ISSET(fd, &sets[2]));
}

static void try_select(struct side *side, int count, fd_set *readable, long seconds, long microseconds) {
    struct timeval limit = {seconds, microseconds};
    TRY(F(select)(count, readable, null, &sets[2], &limit));
    bool is_same = limit.tv_sec == seconds && limit.tv_usec == microseconds;
    say(side, "limit=%s", limit.tv_sec == 0 && limit.tv_usec == 0 ? "0" : is_same ? "same" : "less");
    say_sets(side, side->fd);
}

CASE(select, unread, UNREAD) { TRY(F(select)(side->fd + 1, set_of(side->fd), &sets[1], &sets[2], null)), say_sets(side, side->fd); }
CASE(select, half_closed, HALF_CLOSED) { TRY(F(select)(side->fd + 1, set_of(side->fd), &sets[1], &sets[2], null)), say_sets(side, side->fd); }
CASE(select, gone, GONE) { TRY(F(select)(side->fd + 1, set_of(side->fd), &sets[1], &sets[2], null)), say_sets(side, side->fd); }
CASE(select, limit_left, UNREAD) { try_select(side, side->fd + 1, set_of(side->fd), 5, 0); }
CASE(select, limit_over, CONNECTED) { try_select(side, side->fd + 1, set_of(side->fd), 0, 20000); }
CASE(select, limit_interrupted, CONNECTED) { try_select(side, side->fd + 1, set_of(side->fd), 5, 0); }
CASE(select, at_once, CONNECTED) { try_select(side, side->fd + 1, set_of(side->fd), 0, 0); }
CASE(select, negative_count, UNREAD) { try_select(side, -1, set_of(side->fd), 1, 0); }
CASE(select, huge_count, UNREAD) { try_select(side, 1000000, set_of(side->fd), 0, 0); }
CASE(select, count_zero, UNREAD) { try_select(side, 0, set_of(side->fd), 0, 20000); }
CASE(select, count_excludes, UNREAD) { try_select(side, side->fd, set_of(side->fd), 0, 20000); }
CASE(select, negative_seconds, UNREAD) { try_select(side, side->fd + 1, set_of(side->fd), -1, 0); }
CASE(select, negative_microseconds, UNREAD) { try_select(side, side->fd + 1, set_of(side->fd), 0, -1); }
CASE(select, many_microseconds, UNREAD) { try_select(side, side->fd + 1, set_of(side->fd), 0, 1000000); }
CASE(select, bad_limit, UNREAD) { TRY(F(select)(side->fd + 1, set_of(side->fd), null, null, bad)); }
CASE(select, bad_set, UNREAD) { set_of(side->fd), try_select(side, side->fd + 1, bad, 1, 0); }
CASE(select, bad_set_at_once, UNREAD) { set_of(side->fd), try_select(side, side->fd + 1, bad, 0, 0); }
CASE(select, closed, UNREAD) { set_of(side->fd), FD_SET(CLOSED, &sets[0]); try_select(side, CLOSED + 1, sets, 1, 0); }
CASE(select, closed_at_once, UNREAD) { set_of(side->fd), FD_SET(CLOSED, &sets[0]); try_select(side, CLOSED + 1, sets, 0, 0); }
CASE(select, listener, CONNECTED) { try_select(side, side->listener + 1, set_of(side->listener), 0, 20000); }

static void try_pselect(struct side *side, fd_set *readable, long seconds, long nanoseconds, void *mask) {
    struct timespec limit = {seconds, nanoseconds};
    TRY(F(pselect)(side->fd + 1, readable, null, null, &limit, mask));
    say(side, "limit=%ld,%ld", limit.tv_sec, limit.tv_nsec);
    say_sets(side, side->fd);
}

CASE(pselect, unread, UNREAD) { try_pselect(side, set_of(side->fd), 5, 0, null); }
CASE(pselect, limit, CONNECTED) { try_pselect(side, set_of(side->fd), 0, 20000000, null); }
CASE(pselect, invalid_nanoseconds, UNREAD) { try_pselect(side, set_of(side->fd), 0, 1000000000, null); }
CASE(pselect, negative_nanoseconds, UNREAD) { try_pselect(side, set_of(side->fd), 0, -1, null); }
CASE(pselect, negative_seconds, UNREAD) { try_pselect(side, set_of(side->fd), -1, 0, null); }
CASE(pselect, bad_limit, UNREAD) { TRY(F(pselect)(side->fd + 1, set_of(side->fd), null, null, bad, null)); }
CASE(pselect, bad_mask, UNREAD) { try_pselect(side, set_of(side->fd), 1, 0, bad); }
CASE(pselect, negative_count, UNREAD) { TRY(F(pselect)(-1, set_of(side->fd), null, null, null, null)); }
