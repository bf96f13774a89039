/* Event loop that makes every system call by its number, with `call`, and waits in another one each
   time. First it tries calls of the kernel that behave differently from the functions of libc. */

#include "target.h"
#include <sys/syscall.h>

/* Makes the call with this number; returns -1 and sets errno on failure. */
static long call(long number, long a, long b, long c, long d, long e, long f);
#define CALL(name, a, b, c, d, e, f) \
    call(SYS_##name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

enum { SIGNAL_SET = 8 };

static void try_differences(void) {
    struct timespec limit = {.tv_nsec = 1};
    unsigned long mask = 0;
    struct {
        unsigned long *mask;
        long size;
    } sized = {&mask, SIGNAL_SET};
    CHECK(CALL(ppoll, NULL, 0, &limit, &mask, SIGNAL_SET, 0) == 0 && limit.tv_nsec == 0);
    limit.tv_nsec = 1;
    CHECK(CALL(pselect6, 0, NULL, NULL, NULL, &limit, &sized) == 0 && limit.tv_nsec == 0);
    CHECK(CALL(ppoll, NULL, 0, &limit, &mask, SIGNAL_SET / 2, 0) == -1 && errno == EINVAL);
    CHECK(CALL(close, -1, 0, 0, 0, 0, 0) == -1 && errno == EBADF);
}

static int wait_readable(int listener, int connection) {
    static int turn, epoll;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    struct pollfd polled[2] = {{.fd = listener, .events = POLLIN}, {.fd = connection, .events = POLLIN}};
    fd_set set;
    int highest = connection > listener ? connection : listener;
    FD_ZERO(&set);
    FD_SET(listener, &set);
    if (connection >= 0) FD_SET(connection, &set);
    if (!epoll) {
        CHECK((epoll = CALL(epoll_create1, 0, 0, 0, 0, 0, 0)) > 0);
        CHECK(CALL(epoll_ctl, epoll, EPOLL_CTL_ADD, listener, &event, 0, 0) == 0);
    }
    if (connection >= 0) {
        event.data.fd = connection;
        CALL(epoll_ctl, epoll, EPOLL_CTL_ADD, connection, &event, 0, 0); /* It may be registered already. */
    }
    switch (turn++ % 7) {
    case 0: CHECK(CALL(epoll_pwait, epoll, &event, 1, -1, NULL, SIGNAL_SET) == 1); return event.data.fd;
    case 1: CHECK(CALL(epoll_wait, epoll, &event, 1, -1, 0, 0) == 1); return event.data.fd;
    case 2: CHECK(CALL(epoll_pwait2, epoll, &event, 1, NULL, NULL, SIGNAL_SET) == 1); return event.data.fd;
    case 3: CHECK(CALL(poll, polled, 2, -1, 0, 0, 0) > 0); break;
    case 4: CHECK(CALL(ppoll, polled, 2, NULL, NULL, SIGNAL_SET, 0) > 0); break;
    case 5:
        CHECK(CALL(select, highest + 1, &set, NULL, NULL, NULL, 0) > 0);
        return connection >= 0 && FD_ISSET(connection, &set) ? connection : listener;
    case 6:
        CHECK(CALL(pselect6, highest + 1, &set, NULL, NULL, NULL, NULL) > 0);
        return connection >= 0 && FD_ISSET(connection, &set) ? connection : listener;
    }
    return connection >= 0 && polled[1].revents ? connection : listener;
}

/* Like `serve_once`. */
static int serve_by_number(int fd) {
    char request[4096], answer[8192];
    long len = CALL(recvfrom, fd, request, sizeof request, 0, NULL, NULL);
    if (len <= 0) return 0;
    int line = (int)strcspn(request, "\r\n");
    if (line > len) line = len;
    log_line(request, line);
    int total = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%.*s\n", line + 1, line, request);
    CHECK(CALL(sendto, fd, answer, total, MSG_NOSIGNAL, NULL, 0) == total);
    return 1;
}

static void serve_for_ever(void) {
    try_differences();
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(8101)};
    int listener = CALL(socket, AF_INET, SOCK_STREAM, 0, 0, 0, 0), connection = -1;
    CHECK(CALL(bind, listener, &address, sizeof address, 0, 0, 0) == 0);
    CHECK(CALL(listen, listener, 16, 0, 0, 0, 0) == 0);
    for (;;) {
        if (wait_readable(listener, connection) == listener) {
            if (connection < 0) CHECK((connection = CALL(accept4, listener, NULL, NULL, SOCK_CLOEXEC, 0, 0)) >= 0);
        } else if (!serve_by_number(connection)) {
            CALL(close, connection, 0, 0, 0, 0, 0);
            connection = -1;
        }
    }
}
