/* Functions that the target programs share: a listener, a minimal HTTP answer, a log of requests. */

#pragma once
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define CHECK(condition)                                                          \
    do {                                                                          \
        if (!(condition)) {                                                       \
            dprintf(2, "%s:%d: %s: %m\n", __FILE__, __LINE__, #condition);        \
            exit(70);                                                             \
        }                                                                         \
    } while (0)

/* Makes a listener. Tests run in parallel with the same ports, so the preload must not bind them. */
static inline int listen_on(int port) {
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(fd >= 0);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0);
    CHECK(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(fd, 16) == 0);
    return fd;
}

static inline void set_nonblocking(int fd) { CHECK(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0); }

/* Writes all bytes, and retries after EAGAIN. */
static inline void write_all(int fd, const char *bytes, size_t len) {
    while (len > 0) {
        ssize_t done = write(fd, bytes, len);
        if (done < 0 && errno == EAGAIN) {
            struct pollfd room = {.fd = fd, .events = POLLOUT};
            poll(&room, 1, -1);
            continue;
        }
        if (done < 0) return; /* the client has hung up */
        bytes += done;
        len -= done;
    }
}

__attribute__((format(printf, 2, 3))) static inline void respond(int fd, const char *format, ...) {
    char body[4096], head[128];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(body, sizeof body, format, arguments);
    va_end(arguments);
    int head_len = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len);
    write_all(fd, head, head_len);
    write_all(fd, body, len);
}

/* Appends one line to the file that TARGET_LOG names. */
static inline void log_line(const char *line, int len) {
    const char *name = getenv("TARGET_LOG");
    if (!name) return;
    int fd = open(name, O_WRONLY | O_APPEND | O_CREAT, 0600);
    CHECK(fd >= 0);
    dprintf(fd, "%.*s\n", len, line);
    close(fd);
}

/* Appends the first line of a request to that file. */
static inline void log_first_line(const char *bytes, ssize_t len) {
    const char *end = memchr(bytes, '\r', len);
    log_line(bytes, end ? end - bytes : len);
}

/* Reads once from a descriptor that is readable or blocking, and answers with the first line of the
   request. Returns 0 at the end of the connection. */
static inline int serve_once(int fd) {
    char request[4096];
    ssize_t len = read(fd, request, sizeof request);
    if (len < 0 && errno == EAGAIN) return 1;
    if (len <= 0) return 0;
    int line = (int)strcspn(request, "\r\n");
    if (line > len) line = len;
    if (line > 7 && !memcmp(request, "GET /ab", 7) && request[7] == 'c') abort();
    log_line(request, line);
    respond(fd, "%.*s\n", line, request);
    return 1;
}

/* Serves a blocking connection to its end. */
static inline void serve(int fd) {
    while (serve_once(fd)) {}
    close(fd);
}
