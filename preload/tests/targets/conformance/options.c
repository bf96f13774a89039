/* setsockopt(2) and getsockopt(2). */

#include "conformance.h"

#ifndef SO_ORIGINAL_DST
#define SO_ORIGINAL_DST 80 /* linux/netfilter_ipv4.h */
#endif

static void try_get(struct side *side, int fd, int level, int option, socklen_t room, bool varies) {
    union {
        int number;
        unsigned char bytes[512];
    } value;
    socklen_t len = room;
    memset(&value, 0x55, sizeof value);
    TRY(F(getsockopt)(fd, level, option, &value, &len));
    say(side, "len=%d", len);
    if (!varies && value.number != 0x55555555) say(side, "value=%d", value.number);
    if (len < room && value.bytes[len] != 0x55) say(side, "overrun");
}

static void try_set(struct side *side, int fd, int level, int option, int number, bool varies) {
    TRY(F(setsockopt)(fd, level, option, &number, sizeof number));
    try_get(side, fd, level, option, 4, varies);
}

/* Cases for the initial value, with much and little room, and for the value once set; connection and listener. */
#define SOME_OPTION(level, option, identifier, text, varies)                                                  \
    NAMED_CASE(get##identifier, "getsockopt/" text, CONNECTED) {                                              \
        try_get(side, side->fd, level, option, 256, varies), try_get(side, side->fd, level, option, 4, varies); \
        try_get(side, side->fd, level, option, 1, varies);                                                    \
    }                                                                                                         \
    NAMED_CASE(set##identifier, "setsockopt/" text, CONNECTED) {                                              \
        try_set(side, side->fd, level, option, 1, varies), try_set(side, side->fd, level, option, 0, varies); \
    }                                                                                                         \
    NAMED_CASE(get_listener##identifier, "getsockopt/listener_" text, CONNECTED) {                            \
        try_get(side, side->listener, level, option, 256, varies);                                            \
    }                                                                                                         \
    NAMED_CASE(set_listener##identifier, "setsockopt/listener_" text, CONNECTED) {                            \
        try_set(side, side->listener, level, option, 1, varies);                                              \
    }
#define OPTION(level, option) SOME_OPTION(level, option, _##option, #option, false)
/* An option whose value varies between connections. */
#define VARYING(level, option) SOME_OPTION(level, option, _##option, #option, true)

OPTION(SOL_SOCKET, SO_TYPE)
OPTION(SOL_SOCKET, SO_DOMAIN)
OPTION(SOL_SOCKET, SO_PROTOCOL)
OPTION(SOL_SOCKET, SO_ACCEPTCONN)
OPTION(SOL_SOCKET, SO_ERROR)
OPTION(SOL_SOCKET, SO_REUSEADDR)
OPTION(SOL_SOCKET, SO_REUSEPORT)
OPTION(SOL_SOCKET, SO_KEEPALIVE)
OPTION(SOL_SOCKET, SO_BROADCAST)
OPTION(SOL_SOCKET, SO_OOBINLINE)
OPTION(SOL_SOCKET, SO_LINGER)
OPTION(SOL_SOCKET, SO_PRIORITY)
OPTION(SOL_SOCKET, SO_RCVLOWAT)
OPTION(SOL_SOCKET, SO_SNDLOWAT)
OPTION(SOL_SOCKET, SO_RCVTIMEO)
OPTION(SOL_SOCKET, SO_SNDTIMEO)
OPTION(SOL_SOCKET, SO_DONTROUTE)
OPTION(SOL_SOCKET, SO_TIMESTAMP)
OPTION(SOL_SOCKET, SO_BUSY_POLL)
OPTION(SOL_SOCKET, SO_ZEROCOPY)
OPTION(SOL_SOCKET, SO_MARK)
VARYING(SOL_SOCKET, SO_PEERCRED)
VARYING(SOL_SOCKET, SO_INCOMING_CPU)
VARYING(SOL_SOCKET, SO_RCVBUF)
VARYING(SOL_SOCKET, SO_SNDBUF)
OPTION(IPPROTO_TCP, TCP_NODELAY)
OPTION(IPPROTO_TCP, TCP_CORK)
OPTION(IPPROTO_TCP, TCP_QUICKACK)
OPTION(IPPROTO_TCP, TCP_DEFER_ACCEPT)
OPTION(IPPROTO_TCP, TCP_KEEPIDLE)
OPTION(IPPROTO_TCP, TCP_KEEPINTVL)
OPTION(IPPROTO_TCP, TCP_KEEPCNT)
OPTION(IPPROTO_TCP, TCP_USER_TIMEOUT)
OPTION(IPPROTO_TCP, TCP_LINGER2)
OPTION(IPPROTO_TCP, TCP_SYNCNT)
OPTION(IPPROTO_TCP, TCP_FASTOPEN)
OPTION(IPPROTO_TCP, TCP_CONGESTION)
OPTION(IPPROTO_TCP, TCP_NOTSENT_LOWAT)
OPTION(IPPROTO_TCP, TCP_ULP)
VARYING(IPPROTO_TCP, TCP_MAXSEG)
VARYING(IPPROTO_TCP, TCP_INFO)
OPTION(IPPROTO_IP, IP_TOS)
OPTION(IPPROTO_IP, IP_TTL)
OPTION(IPPROTO_IP, IP_RECVERR)
OPTION(IPPROTO_IP, IP_FREEBIND)
OPTION(IPPROTO_IP, SO_ORIGINAL_DST)
OPTION(IPPROTO_IPV6, IPV6_V6ONLY)

/* Cases for unknown levels and options. */
#define WRONG_CASES(prefix, fd)                                                                              \
    NAMED_CASE(get_##prefix##level, "getsockopt/" #prefix "unknown_level", CONNECTED) { try_get(side, fd, 9999, 1, 4, false); } \
    NAMED_CASE(get_##prefix##option, "getsockopt/" #prefix "unknown_option", CONNECTED) { try_get(side, fd, SOL_SOCKET, 9999, 4, false); } \
    NAMED_CASE(get_##prefix##tcp, "getsockopt/" #prefix "unknown_tcp_option", CONNECTED) { try_get(side, fd, IPPROTO_TCP, 9999, 4, false); } \
    NAMED_CASE(get_##prefix##ip, "getsockopt/" #prefix "unknown_ip_option", CONNECTED) { try_get(side, fd, IPPROTO_IP, 9999, 4, false); } \
    NAMED_CASE(get_##prefix##udp, "getsockopt/" #prefix "udp_option", CONNECTED) { try_get(side, fd, IPPROTO_UDP, 1, 4, false); } \
    NAMED_CASE(set_##prefix##level, "setsockopt/" #prefix "unknown_level", CONNECTED) { try_set(side, fd, 9999, 1, 1, false); } \
    NAMED_CASE(set_##prefix##option, "setsockopt/" #prefix "unknown_option", CONNECTED) { try_set(side, fd, SOL_SOCKET, 9999, 1, false); } \
    NAMED_CASE(set_##prefix##tcp, "setsockopt/" #prefix "unknown_tcp_option", CONNECTED) { try_set(side, fd, IPPROTO_TCP, 9999, 1, false); } \
    NAMED_CASE(set_##prefix##ip, "setsockopt/" #prefix "unknown_ip_option", CONNECTED) { try_set(side, fd, IPPROTO_IP, 9999, 1, false); } \
    NAMED_CASE(set_##prefix##udp, "setsockopt/" #prefix "udp_option", CONNECTED) { try_set(side, fd, IPPROTO_UDP, 1, 1, false); }

WRONG_CASES(, side->fd)
WRONG_CASES(listener_, side->listener)

static int one = 1, number;

static void try_pointers_to_get(struct side *side, int level, int option) {
    socklen_t len = 4, negative = -1, none = 0, three = 3;
    TRY(F(getsockopt)(side->fd, level, option, null, &len)), say(side, "len=%d", len);
    TRY(F(getsockopt)(side->fd, level, option, null, &none)), say(side, "len=%d", none);
    TRY(F(getsockopt)(side->fd, level, option, &number, &none)), say(side, "len=%d", none);
    TRY(F(getsockopt)(side->fd, level, option, &number, &three)), say(side, "len=%d", three);
    TRY(F(getsockopt)(side->fd, level, option, &number, null));
    TRY(F(getsockopt)(side->fd, level, option, &number, &negative)), say(side, "len=%d", negative);
    TRY(F(getsockopt)(side->fd, level, option, bad, &len)), say(side, "len=%d", len);
    TRY(F(getsockopt)(side->fd, level, option, &number, bad));
}

static void try_pointers_to_set(struct side *side, int level, int option) {
    TRY(F(setsockopt)(side->fd, level, option, null, 4));
    TRY(F(setsockopt)(side->fd, level, option, &one, 0));
    TRY(F(setsockopt)(side->fd, level, option, &one, 3));
    TRY(F(setsockopt)(side->fd, level, option, &one, -1));
    TRY(F(setsockopt)(side->fd, level, option, bad, 4));
    TRY(F(setsockopt)(side->fd, level, option, bad, 16));
}

#define POINTERS(level, option)                                                                                        \
    NAMED_CASE(get_pointers_##option, "getsockopt/pointers_" #option, CONNECTED) { try_pointers_to_get(side, level, option); } \
    NAMED_CASE(set_pointers_##option, "setsockopt/pointers_" #option, CONNECTED) { try_pointers_to_set(side, level, option); }

POINTERS(SOL_SOCKET, SO_KEEPALIVE)
POINTERS(SOL_SOCKET, SO_DOMAIN)
POINTERS(SOL_SOCKET, SO_ERROR)
POINTERS(SOL_SOCKET, SO_RCVTIMEO)
POINTERS(SOL_SOCKET, SO_LINGER)
POINTERS(IPPROTO_TCP, TCP_NODELAY)
POINTERS(IPPROTO_TCP, TCP_INFO)
POINTERS(IPPROTO_IP, IP_TOS)

static void try_limit(struct side *side, int option, long seconds, long microseconds) {
    struct timeval limit = {seconds, microseconds}, seen = {7, 7};
    socklen_t len = sizeof seen;
    TRY(F(setsockopt)(side->fd, SOL_SOCKET, option, &limit, sizeof limit));
    TRY(F(getsockopt)(side->fd, SOL_SOCKET, option, &seen, &len));
    say(side, "len=%d %ld,%ld", len, seen.tv_sec, seen.tv_usec);
}

CASE(setsockopt, limit, CONNECTED) { try_limit(side, SO_RCVTIMEO, 3, 500000), try_limit(side, SO_SNDTIMEO, 0, 0); }
CASE(setsockopt, limit_tiny, CONNECTED) { try_limit(side, SO_RCVTIMEO, 0, 1), try_limit(side, SO_SNDTIMEO, 0, 1001); }
CASE(setsockopt, limit_huge, CONNECTED) { try_limit(side, SO_RCVTIMEO, LONG_MAX, 0); }
CASE(setsockopt, limit_negative, CONNECTED) { try_limit(side, SO_RCVTIMEO, 3, 0), try_limit(side, SO_RCVTIMEO, -1, 0); }
CASE(setsockopt, limit_invalid, CONNECTED) { try_limit(side, SO_SNDTIMEO, 1, 1000000), try_limit(side, SO_SNDTIMEO, 1, -1); }
CASE(setsockopt, linger, CONNECTED) {
    struct linger linger = {1, 5};
    socklen_t len = sizeof linger;
    TRY(F(setsockopt)(side->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
    TRY(F(getsockopt)(side->fd, SOL_SOCKET, SO_LINGER, &linger, &len));
    say(side, "len=%d %d,%d", len, linger.l_onoff, linger.l_linger);
}
CASE(setsockopt, out_of_range, CONNECTED) {
    int most = INT_MAX, negative = -1;
    TRY(F(setsockopt)(side->fd, IPPROTO_TCP, TCP_KEEPIDLE, &most, 4)), TRY(F(setsockopt)(side->fd, IPPROTO_TCP, TCP_KEEPCNT, &negative, 4));
    TRY(F(setsockopt)(side->fd, IPPROTO_IP, IP_TTL, &most, 4)), TRY(F(setsockopt)(side->fd, IPPROTO_TCP, TCP_MAXSEG, &one, 4));
    TRY(F(setsockopt)(side->fd, IPPROTO_TCP, TCP_CONGESTION, "none of these", 13));
    TRY(F(setsockopt)(side->fd, SOL_SOCKET, SO_BINDTODEVICE, "none", 5));
}
CASE(setsockopt, closed, BARE) { TRY(F(setsockopt)(CLOSED, SOL_SOCKET, SO_KEEPALIVE, &one, 4)); }
CASE(setsockopt, pipe, BARE) { TRY(F(setsockopt)(pipe_end(0), IPPROTO_TCP, TCP_NODELAY, &one, 4)); }
CASE(getsockopt, closed, BARE) { socklen_t len = 4; TRY(F(getsockopt)(CLOSED, SOL_SOCKET, SO_KEEPALIVE, &one, &len)); }
CASE(getsockopt, pipe, BARE) { socklen_t len = 4; TRY(F(getsockopt)(pipe_end(0), SOL_SOCKET, SO_ERROR, &one, &len)); }

static void say_tcp_state(struct side *side, int fd) {
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    F(getsockopt)(fd, IPPROTO_TCP, TCP_INFO, &info, &len);
    say(side, "state=%d", info.tcpi_state);
}

CASE(getsockopt, tcp_state, CONNECTED) {
    say_tcp_state(side, side->fd), say_tcp_state(side, side->listener);
    F(shutdown)(side->fd, SHUT_WR), usleep(20000), say_tcp_state(side, side->fd);
}
CASE(getsockopt, tcp_state_half_closed, HALF_CLOSED) { say_tcp_state(side, side->fd); }
CASE(getsockopt, tcp_state_over, HALF_CLOSED) { F(shutdown)(side->fd, SHUT_WR), usleep(20000), say_tcp_state(side, side->fd); }
