/* Server that logs one line for every event on a connection, and answers each read and the end.
   Connections have the lowest free number. "abort" and "exit" end the server. */

#include "target.h"

#define CONNECTIONS 8
#define FREE (-1)

__attribute__((format(printf, 2, 3))) static inline void saw(int number, const char *format, ...) {
    char line[4200];
    int len = snprintf(line, sizeof line, "%d ", number);
    va_list arguments;
    va_start(arguments, format);
    len += vsnprintf(line + len, sizeof line - len, format, arguments);
    va_end(arguments);
    log_line(line, len);
}

static inline void say(int number, int fd, const char *bytes, int len) {
    char answer[4200];
    int total = snprintf(answer, sizeof answer, "%d:%.*s;", number, len, bytes);
    send(fd, answer, total, MSG_NOSIGNAL); /* the client may have hung up */
}

/* Reads once. `events` names the events that the waiting call reported, or is empty. Returns 0 at the
   end of the connection, which it then closes. */
static inline int see(int number, int fd, const char *events) {
    char bytes[4000];
    ssize_t len = read(fd, bytes, sizeof bytes);
    if (len > 0) {
        saw(number, "%.*s%s", (int)len, bytes, events);
        if (len == 5 && memcmp(bytes, "abort", 5) == 0) abort();
        if (len == 4 && memcmp(bytes, "exit", 4) == 0) exit(7);
        say(number, fd, bytes, len);
        return 1;
    }
    if (len < 0 && errno == EAGAIN) return 1;
    saw(number, "%s%s", len ? strerrorname_np(errno) : "end", events);
    if (len == 0) say(number, fd, "end", 3);
    close(fd);
    return 0;
}

static inline int lowest_free(const int *connections) {
    for (int number = 0; number < CONNECTIONS; number++)
        if (connections[number] == FREE) return number;
    CHECK(!"too many connections");
    return 0;
}
