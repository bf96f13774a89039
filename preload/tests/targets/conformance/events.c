/* epoll(7). */

#include "conformance.h"

static struct epoll_event events[4];

static int try_epoll_ctl(struct side *side, int epoll, int operation, int fd, unsigned wanted) {
    struct epoll_event event = {.events = wanted, .data.u64 = 5};
    TRY(F(epoll_ctl)(epoll, operation, fd, &event));
    return epoll;
}

/* Returns an epoll instance with which the descriptor is registered. */
static int instance_of(struct side *side, int fd, unsigned wanted) {
    return try_epoll_ctl(side, epoll_create1(0), EPOLL_CTL_ADD, fd, wanted);
}

/* Defines one case for the connection and one for the listener. */
#define BOTH_CASE(name, ...)                                                             \
    NAMED_CASE(epoll_ctl_##name, "epoll_ctl/" #name, CONNECTED) { int fd = side->fd; __VA_ARGS__; } \
    NAMED_CASE(epoll_ctl_listener_##name, "epoll_ctl/listener_" #name, CONNECTED) { int fd = side->listener; __VA_ARGS__; }

BOTH_CASE(add_twice, try_epoll_ctl(side, instance_of(side, fd, EPOLLIN), EPOLL_CTL_ADD, fd, EPOLLIN))
BOTH_CASE(modify_missing, try_epoll_ctl(side, epoll_create1(0), EPOLL_CTL_MOD, fd, EPOLLIN))
BOTH_CASE(remove_missing, try_epoll_ctl(side, epoll_create1(0), EPOLL_CTL_DEL, fd, 0))
BOTH_CASE(remove_twice, int epoll = instance_of(side, fd, EPOLLIN); try_epoll_ctl(side, epoll, EPOLL_CTL_DEL, fd, 0), try_epoll_ctl(side, epoll, EPOLL_CTL_DEL, fd, 0))
BOTH_CASE(remove_null, TRY(F(epoll_ctl)(instance_of(side, fd, EPOLLIN), EPOLL_CTL_DEL, fd, null)))
BOTH_CASE(remove_bad, TRY(F(epoll_ctl)(instance_of(side, fd, EPOLLIN), EPOLL_CTL_DEL, fd, bad)))
BOTH_CASE(unknown, try_epoll_ctl(side, epoll_create1(0), 99, fd, EPOLLIN))
BOTH_CASE(unknown_registered, try_epoll_ctl(side, instance_of(side, fd, EPOLLIN), 99, fd, EPOLLIN))
BOTH_CASE(add_null, TRY(F(epoll_ctl)(epoll_create1(0), EPOLL_CTL_ADD, fd, null)))
BOTH_CASE(add_bad, TRY(F(epoll_ctl)(epoll_create1(0), EPOLL_CTL_ADD, fd, bad)))
BOTH_CASE(modify_null, TRY(F(epoll_ctl)(instance_of(side, fd, EPOLLIN), EPOLL_CTL_MOD, fd, null)))
BOTH_CASE(modify_bad, TRY(F(epoll_ctl)(instance_of(side, fd, EPOLLIN), EPOLL_CTL_MOD, fd, bad)))
BOTH_CASE(negative_instance, try_epoll_ctl(side, -1, EPOLL_CTL_ADD, fd, EPOLLIN))
BOTH_CASE(closed_instance, try_epoll_ctl(side, CLOSED, EPOLL_CTL_ADD, fd, EPOLLIN))
BOTH_CASE(no_instance, try_epoll_ctl(side, pipe_end(0), EPOLL_CTL_ADD, fd, EPOLLIN))
BOTH_CASE(on_itself, try_epoll_ctl(side, fd, EPOLL_CTL_ADD, fd, EPOLLIN))
BOTH_CASE(is_no_instance, try_epoll_ctl(side, fd, EPOLL_CTL_ADD, pipe_end(0), EPOLLIN))
BOTH_CASE(exclusive, try_epoll_ctl(side, instance_of(side, fd, EPOLLIN | EPOLLEXCLUSIVE), EPOLL_CTL_MOD, fd, EPOLLIN))
BOTH_CASE(exclusive_later, try_epoll_ctl(side, instance_of(side, fd, EPOLLIN), EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLEXCLUSIVE))
BOTH_CASE(exclusive_oneshot, instance_of(side, fd, EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT))
BOTH_CASE(no_events, instance_of(side, fd, 0))
BOTH_CASE(all_events, instance_of(side, fd, 0x0fffffff))
BOTH_CASE(wakeup, instance_of(side, fd, EPOLLIN | EPOLLWAKEUP))
BOTH_CASE(copied, try_epoll_ctl(side, instance_of(side, fd, EPOLLIN), EPOLL_CTL_ADD, F(dup)(fd), EPOLLIN))

CASE(epoll_ctl, closed, BARE) { try_epoll_ctl(side, epoll_create1(0), EPOLL_CTL_ADD, CLOSED, EPOLLIN); }
CASE(epoll_ctl, negative, BARE) { try_epoll_ctl(side, epoll_create1(0), EPOLL_CTL_ADD, -1, EPOLLIN); }
CASE(epoll_ctl, itself, BARE) { int epoll = epoll_create1(0); try_epoll_ctl(side, epoll, EPOLL_CTL_ADD, epoll, EPOLLIN); }
CASE(epoll_ctl, file, BARE) { try_epoll_ctl(side, epoll_create1(0), EPOLL_CTL_ADD, file_of(""), EPOLLIN); }

static void say_events(struct side *side, long count) {
    for (long i = 0; i < count; i++) say(side, "%#x:%lu", events[i].events, (unsigned long)events[i].data.u64);
}

static void try_epoll_wait(struct side *side, int epoll, void *room, int count, int limit) {
    memset(events, 0, sizeof events);
    TRY(F(epoll_wait)(epoll, room, count, limit));
    say_events(side, 2);
}

CASE(epoll_wait, unread, UNREAD) { try_epoll_wait(side, instance_of(side, side->fd, EPOLLIN | EPOLLOUT), events, 4, -1); }
CASE(epoll_wait, edge, UNREAD) {
    int epoll = instance_of(side, side->fd, EPOLLIN | EPOLLOUT | EPOLLET);
    try_epoll_wait(side, epoll, events, 4, -1), try_epoll_wait(side, epoll, events, 4, 0), feed(side, "more");
    try_epoll_wait(side, epoll, events, 4, -1);
}
CASE(epoll_wait, any_negative_limit, UNREAD) { try_epoll_wait(side, instance_of(side, side->fd, EPOLLIN), events, 4, -7); }
CASE(epoll_wait, nothing, CONNECTED) { try_epoll_wait(side, instance_of(side, side->fd, EPOLLIN), events, 4, -1); }
CASE(epoll_wait, limit, CONNECTED) { try_epoll_wait(side, instance_of(side, side->fd, EPOLLIN), events, 4, 20); }
CASE(epoll_wait, at_once, CONNECTED) { try_epoll_wait(side, instance_of(side, side->fd, EPOLLIN), events, 4, 0); }
CASE(epoll_wait, no_room, UNREAD) { try_epoll_wait(side, instance_of(side, side->fd, EPOLLIN), events, 0, 20); }
CASE(epoll_wait, no_room_at_once, UNREAD) { try_epoll_wait(side, instance_of(side, side->fd, EPOLLIN), events, 0, 0); }
CASE(epoll_wait, no_room_nothing, CONNECTED) { try_epoll_wait(side, instance_of(side, side->fd, EPOLLIN), events, 0, 20); }
CASE(epoll_wait, negative_room, UNREAD) { try_epoll_wait(side, instance_of(side, side->fd, EPOLLIN), events, -1, 20); }
CASE(epoll_wait, huge_room, UNREAD) { try_epoll_wait(side, instance_of(side, side->fd, EPOLLIN), events, INT_MAX, 20); }
CASE(epoll_wait, bad_room, UNREAD) { try_epoll_wait(side, instance_of(side, side->fd, EPOLLIN), bad, 4, 20); }
CASE(epoll_wait, null_room, UNREAD) { try_epoll_wait(side, instance_of(side, side->fd, EPOLLIN), null, 4, 20); }
CASE(epoll_wait, bad_room_nothing, CONNECTED) { try_epoll_wait(side, instance_of(side, side->fd, EPOLLIN), bad, 4, 20); }
CASE(epoll_wait, bad_room_mixed, UNREAD) {
    int epoll = instance_of(side, side->fd, EPOLLIN);
    try_epoll_ctl(side, epoll, EPOLL_CTL_ADD, pipe_end(1), EPOLLOUT), try_epoll_wait(side, epoll, bad, 4, 20);
}
CASE(epoll_wait, negative, CONNECTED) { try_epoll_wait(side, -1, events, 4, 20); }
CASE(epoll_wait, closed, CONNECTED) { try_epoll_wait(side, CLOSED, events, 4, 20); }
CASE(epoll_wait, connection, CONNECTED) { try_epoll_wait(side, side->fd, events, 4, 20); }
CASE(epoll_wait, listener, CONNECTED) { try_epoll_wait(side, side->listener, events, 4, 20); }
CASE(epoll_wait, pending, PENDING) { try_epoll_wait(side, instance_of(side, side->listener, EPOLLIN | EPOLLOUT), events, 4, 20); }
CASE(epoll_wait, all_half_closed, HALF_CLOSED) { try_epoll_wait(side, instance_of(side, side->fd, 0xffff), events, 4, 20); }
CASE(epoll_wait, closed_registered, UNREAD) {
    int epoll = instance_of(side, side->fd, EPOLLIN);
    F(close)(side->fd), try_epoll_wait(side, epoll, events, 4, 0);
}
CASE(epoll_pwait, unread, UNREAD) { TRY(F(epoll_pwait)(instance_of(side, side->fd, EPOLLIN), events, 4, 20, null)); }
CASE(epoll_pwait, bad_mask, UNREAD) { TRY(F(epoll_pwait)(instance_of(side, side->fd, EPOLLIN), events, 4, 20, bad)); }
CASE(epoll_pwait, bad_mask_nothing, CONNECTED) { TRY(F(epoll_pwait)(instance_of(side, side->fd, EPOLLIN), events, 4, 20, bad)); }
CASE(epoll_pwait, no_room, UNREAD) { TRY(F(epoll_pwait)(instance_of(side, side->fd, EPOLLIN), events, 0, 20, null)); }
CASE(epoll_pwait, closed, CONNECTED) { TRY(F(epoll_pwait)(CLOSED, events, 4, 20, null)); }

static void try_epoll_pwait2(struct side *side, long seconds, long nanoseconds, void *mask) {
    struct timespec limit = {seconds, nanoseconds};
    TRY(F(epoll_pwait2)(instance_of(side, side->fd, EPOLLIN), events, 4, &limit, mask));
    say(side, "limit=%ld,%ld", limit.tv_sec, limit.tv_nsec);
}

CASE(epoll_pwait2, unread, UNREAD) { try_epoll_pwait2(side, 5, 0, null); }
CASE(epoll_pwait2, limit, CONNECTED) { try_epoll_pwait2(side, 0, 20000000, null); }
CASE(epoll_pwait2, no_limit, UNREAD) { TRY(F(epoll_pwait2)(instance_of(side, side->fd, EPOLLIN), events, 4, null, null)); }
CASE(epoll_pwait2, invalid_nanoseconds, UNREAD) { try_epoll_pwait2(side, 0, 1000000000, null); }
CASE(epoll_pwait2, negative_nanoseconds, UNREAD) { try_epoll_pwait2(side, 0, -1, null); }
CASE(epoll_pwait2, negative_seconds, UNREAD) { try_epoll_pwait2(side, -1, 0, null); }
CASE(epoll_pwait2, bad_limit, UNREAD) { TRY(F(epoll_pwait2)(instance_of(side, side->fd, EPOLLIN), events, 4, bad, null)); }
CASE(epoll_pwait2, bad_mask, UNREAD) { try_epoll_pwait2(side, 1, 0, bad); }
CASE(epoll_pwait2, no_room, UNREAD) { TRY(F(epoll_pwait2)(instance_of(side, side->fd, EPOLLIN), events, 0, null, null)); }
CASE(epoll_pwait2, closed, CONNECTED) { struct timespec limit = {1, 0}; TRY(F(epoll_pwait2)(CLOSED, events, 4, &limit, null)); }
