/* Aborts when a call that is allowed in a signal handler uses the heap, because the handler may have interrupted
   malloc(3). Compiled in three variants: ALONE, with a second THREAD, and as a server that FORKS. */
#include "target.h"
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* The call in progress, which must not use the heap. NULL at other times. */
static __thread const char *volatile calling;

#define CALL(expression)                                                                              \
    ({                                                                                                \
        calling = #expression;                                                                        \
        __typeof__(expression) result = (expression);                                                 \
        calling = NULL;                                                                               \
        result;                                                                                       \
    })
#define CALL_CHECK(call, condition) CHECK(({ __typeof__(call) result = CALL(call); condition; }))

static void used(const char *function) {
    const char *call = calling;
    if (!call) return;
    calling = NULL;
    dprintf(2, "%s is called in %s, which must not use the heap\n", function, call);
    abort();
}

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

void *malloc(size_t size) { return used("malloc"), __libc_malloc(size); }
void *calloc(size_t count, size_t size) { return used("calloc"), __libc_calloc(count, size); }
void *realloc(void *old, size_t size) { return used("realloc"), __libc_realloc(old, size); }
void *aligned_alloc(size_t alignment, size_t size) { return used("aligned_alloc"), __libc_memalign(alignment, size); }
void free(void *old) { used("free"), __libc_free(old); }
int posix_memalign(void **place, size_t alignment, size_t size) {
    used("posix_memalign");
    *place = __libc_memalign(alignment, size);
    return 0;
}

static struct timespec at_once;

static int epoll_of(int fd) {
    int epoll = CALL(epoll_create1(EPOLL_CLOEXEC)), copy = CALL(dup(epoll));
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    CALL_CHECK(epoll_ctl(copy, EPOLL_CTL_ADD, fd, &event), result == 0);
    CALL_CHECK(close(copy), result == 0);
    return epoll;
}

static int make_listener(void) {
    int one = 1, fd = CALL(socket(AF_INET, SOCK_STREAM, 0));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(8101)};
    socklen_t len = sizeof address;
    CALL_CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), result == 0);
    CALL_CHECK(bind(fd, (struct sockaddr *)&address, sizeof address), result == 0);
    CALL_CHECK(getsockname(fd, (struct sockaddr *)&address, &len), result == 0);
    CALL_CHECK(listen(fd, 16), result == 0);
    CALL_CHECK(getsockname(fd, (struct sockaddr *)&address, &len), result == 0);
    CALL_CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), result == 0);
    len = sizeof one;
    CALL_CHECK(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &one, &len), result == 0 && one == 1);
    return fd;
}

/* Makes calls with paths, which the preload may translate. */
static void use_paths(void) {
    static const char *missing = "/nonexistent/directory/file";
    struct stat status;
    char target[16];
    CALL_CHECK(open(missing, O_RDONLY), result < 0);
    CALL_CHECK(access(missing, F_OK), result < 0);
    CALL_CHECK(stat(missing, &status), result < 0);
    CALL_CHECK(lstat(missing, &status), result < 0);
    CALL_CHECK(unlink(missing), result < 0);
    CALL_CHECK(chmod(missing, 0600), result < 0);
    CALL_CHECK(mkdir(missing, 0700), result < 0);
    CALL_CHECK(rmdir(missing), result < 0);
    CALL_CHECK(rename(missing, "/nonexistent/other"), result < 0);
    CALL_CHECK(link(missing, "/nonexistent/other"), result < 0);
    CALL_CHECK(symlink("other", missing), result < 0);
    CALL_CHECK(readlink(missing, target, sizeof target), result < 0);
    CALL_CHECK(utimensat(AT_FDCWD, missing, NULL, 0), result < 0);
    CALL_CHECK(chdir(missing), result < 0);
    CALL_CHECK(execve(missing, (char *[]){NULL}, (char *[]){NULL}), result < 0);
}

/* Makes calls that do not concern the listener or the connection. */
static void use_others(void) {
    struct sigaction action = {.sa_handler = SIG_IGN}, before;
    sigset_t set;
    int ends[2], file = CALL(open("/dev/null", O_RDWR));
    struct timespec now;
    struct sockaddr_in nowhere = {.sin_family = AF_INET, .sin_port = htons(1)};
    CALL_CHECK(close(file), result == 0);
    CALL_CHECK(pipe(ends), result == 0);
    CALL_CHECK(write(ends[1], "a", 1), result == 1);
    CALL_CHECK(read(ends[0], &file, 1), result == 1);
    CALL_CHECK(dup2(ends[0], ends[1]), result == ends[1]);
    CALL_CHECK(close(ends[0]), result == 0);
    CALL_CHECK(close(ends[1]), result == 0);
    CALL_CHECK(kill(CALL(getpid()), 0), result == 0);
    CALL_CHECK(sigaction(SIGUSR2, &action, &before), result == 0);
    CALL_CHECK(sigaction(SIGUSR2, &before, NULL), result == 0);
    CALL_CHECK(signal(SIGUSR2, SIG_DFL), result != SIG_ERR);
    sigemptyset(&set);
    CALL_CHECK(sigprocmask(SIG_BLOCK, &set, NULL), result == 0);
    CALL_CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL), result == 0);
    CALL_CHECK(clock_gettime(CLOCK_MONOTONIC, &now), result == 0);
    CALL_CHECK(time(NULL), result > 0);
    CALL_CHECK(nanosleep(&at_once, NULL), result == 0);
    CALL_CHECK(getrandom(&file, sizeof file, 0), result == sizeof file);
    file = CALL(socket(AF_INET, SOCK_STREAM, 0));
    CALL_CHECK(connect(file, (struct sockaddr *)&nowhere, sizeof nowhere), result < 0);
    CALL_CHECK(close(file), result == 0);
}

static int accept_after_waits(int listener, int epoll) {
    struct epoll_event event;
    struct pollfd polled[40] = {{.fd = listener, .events = POLLIN}};
    fd_set set;
    struct sockaddr_in client;
    socklen_t len = sizeof client;
    CALL_CHECK(epoll_wait(epoll, &event, 1, -1), result == 1);
    for (int i = 1; i < 40; i++) polled[i].fd = -1;
    CALL_CHECK(poll(polled, 40, -1), result == 1);
    CALL_CHECK(ppoll(polled, 1, NULL, NULL), result == 1);
    FD_ZERO(&set);
    FD_SET(listener, &set);
    CALL_CHECK(select(listener + 1, &set, NULL, NULL, NULL), result == 1);
    CALL_CHECK(pselect(listener + 1, &set, NULL, NULL, NULL, NULL), result == 1);
    return CALL(accept(listener, (struct sockaddr *)&client, &len));
}

static void use_options(int fd) {
    struct timeval limit = {.tv_sec = 60};
    struct sockaddr_in name;
    socklen_t len = sizeof name;
    int one = 1;
    CALL_CHECK(getsockname(fd, (struct sockaddr *)&name, &len), result == 0);
    CALL_CHECK(getpeername(fd, (struct sockaddr *)&name, &len), result == 0);
    CALL_CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), result == 0);
    CALL_CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), result == 0);
    len = sizeof one;
    CALL_CHECK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &one, &len), result == 0 && one == 0);
    CALL_CHECK(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, &len), result == 0 && one);
    CALL_CHECK(fcntl(fd, F_SETFL, CALL(fcntl(fd, F_GETFL)) | O_NONBLOCK), result == 0);
    CALL_CHECK(ioctl(fd, FIONBIO, &(int){0}), result == 0);
}

static void use_duplicates(int fd) {
    int copy = CALL(dup(fd)), other = CALL(fcntl(fd, F_DUPFD_CLOEXEC, 0));
    CALL_CHECK(dup2(copy, other), result == other);
    CALL_CHECK(close(copy), result == 0);
    CALL_CHECK(close(other), result == 0);
}

static void use_epoll(int epoll, int fd) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.fd = fd};
    int own = epoll_of(fd);
    CALL_CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), result == 0);
    CALL_CHECK(epoll_wait(epoll, &event, 1, -1), result == 1);
    CALL_CHECK(epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event), result == 0);
    CALL_CHECK(epoll_pwait(epoll, &event, 1, -1, NULL), result == 1);
    CALL_CHECK(epoll_pwait2(epoll, &event, 1, NULL, NULL), result == 1);
    CALL_CHECK(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL), result == 0);
    CALL_CHECK(close(own), result == 0);
}

/* Reads a request in small parts by all reading calls, and repeats its first line by all writing calls. */
static void answer(int fd) {
    char line[64] = "", head[128];
    struct iovec part = {.iov_base = line + 5, .iov_len = 1}, answer[2] = {{.iov_base = head}, {.iov_base = line}};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    struct mmsghdr messages = {.msg_hdr = message};
    struct sockaddr_in from;
    socklen_t from_len = sizeof from;
    int unread, last = 6;
    CALL_CHECK(recv(fd, line, 1, MSG_PEEK), result == 1);
    CALL_CHECK(ioctl(fd, FIONREAD, &unread), result == 0 && unread > 10);
    CALL_CHECK(read(fd, line, 4), result == 4);
    CALL_CHECK(recvfrom(fd, line + 4, 1, 0, (struct sockaddr *)&from, &from_len), result == 1);
    CALL_CHECK(readv(fd, &part, 1), result == 1);
    part.iov_base = line + 6;
    CALL_CHECK(recvmmsg(fd, &messages, 1, 0, NULL), result == 1);
    while (line[last] != '\r') {
        CHECK(++last < (int)sizeof line);
        part.iov_base = line + last;
        CALL_CHECK(recvmsg(fd, &message, 0), result == 1);
    }
    log_line(line, last);
    line[last++] = '\n';
    answer[0].iov_len = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", last);
    answer[1].iov_len = 1;
    CALL_CHECK(writev(fd, answer, 2), result == (ssize_t)answer[0].iov_len + 1);
    CALL_CHECK(write(fd, line + 1, 1), result == 1);
    CALL_CHECK(send(fd, line + 2, 1, MSG_NOSIGNAL), result == 1);
    CALL_CHECK(sendto(fd, line + 3, 1, MSG_NOSIGNAL, NULL, 0), result == 1);
    part.iov_base = line + 4;
    CALL_CHECK(sendmmsg(fd, &messages, 1, MSG_NOSIGNAL), result == 1);
    part.iov_base = line + 5;
    part.iov_len = last - 5;
    CALL_CHECK(sendmsg(fd, &message, MSG_NOSIGNAL), result == last - 5);
}

static void use_children(void) {
    int status;
    pid_t child = CALL(fork());
    CHECK(child >= 0);
    if (child == 0) CALL((_exit(0), 0));
    CALL_CHECK(waitpid(child, &status, 0), result == child && status == 0);
}

static void serve_one(int listener, int epoll) {
    char rest[4096];
    int fd = accept_after_waits(listener, epoll);
    CHECK(fd >= 0);
    use_options(fd);
    use_duplicates(fd);
    use_epoll(epoll, fd);
    answer(fd);
#ifdef FORKS
    use_children();
#endif
    while (CALL(read(fd, rest, sizeof rest)) > 0) {}
    CALL_CHECK(shutdown(fd, SHUT_RDWR), result == 0 || errno == ENOTCONN);
    CALL_CHECK(close(fd), result == 0);
}

static void *sleep_for_ever(void *unused) {
    for (;;) pause();
    return unused;
}

int main(void) {
    int listener = make_listener(), epoll = epoll_of(listener);
#ifdef THREAD
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, sleep_for_ever, NULL) == 0);
#else
    (void)sleep_for_ever;
#endif
#ifndef FORKS
    (void)use_children;
#endif
    for (;;) {
        use_others();
        use_paths();
        serve_one(listener, epoll);
    }
}
