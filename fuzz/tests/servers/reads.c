/* Server that reads in the way that its second argument names, on the port in its first one, and answers each read. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *way, *program, *port;
static __thread char buffer[8192];
static int backend[2];

static int is(const char *name) { return !strcmp(way, name); }

static ssize_t by_message(int fd) {
    struct iovec parts[20];
    for (int at = 0; at < 20; at++) parts[at] = (struct iovec){buffer + at, 1};
    parts[19].iov_len = sizeof buffer - 19;
    struct mmsghdr message = {.msg_hdr = {.msg_iov = parts, .msg_iovlen = 20}};
    if (is("readv")) return readv(fd, parts, 20);
    if (is("recvmsg")) return recvmsg(fd, &message.msg_hdr, 0);
    return recvmmsg(fd, &message, 1, 0, NULL) == 1 ? (ssize_t)message.msg_len : -1;
}

static ssize_t by_pipe(int fd) {
    int ends[2];
    if (pipe(ends)) return -1;
    ssize_t moved = splice(fd, NULL, ends[1], NULL, sizeof buffer, 0);
    if (moved > 0) moved = read(ends[0], buffer, moved);
    close(ends[0]);
    close(ends[1]);
    return moved;
}

static ssize_t receive(int fd) {
    if (is("readv") || is("recvmsg") || is("recvmmsg")) return by_message(fd);
    if (is("splice")) return by_pipe(fd);
    if (is("syscall")) return syscall(SYS_read, fd, buffer, sizeof buffer);
    if (is("recvfrom")) return recvfrom(fd, buffer, sizeof buffer, 0, NULL, NULL);
    if (is("small")) return read(fd, buffer, 5);
    if (is("peek")) recv(fd, buffer, sizeof buffer, MSG_PEEK);
    return recv(fd, buffer, sizeof buffer, 0);
}

/* An exchange with another server, whose answers are not a client's requests. */
static void ask_backend(void) {
    if (write(backend[0], "GET /backend HTTP/1.1\r\n\r\n", 25) != 25) exit(4);
    if (read(backend[1], buffer, sizeof buffer) != 25 || write(backend[1], "HTTP/1.1 200 OK\r\n\r\n", 19) != 19) exit(5);
    if (read(backend[0], buffer, sizeof buffer) != 19) exit(6);
}

static void serve(int fd) {
    ssize_t length, whole = 0;
    while ((length = receive(fd)) > 0) {
        whole += length;
        if (is("small") && length == 5) continue;
        if (is("backend")) ask_backend();
        if (is("crash") && whole > 0 && memmem(buffer, length, "crash", 5)) abort();
        if (write(fd, "HTTP/1.1 204 No Content\r\n\r\n", 27) != 27) break;
    }
    close(fd);
}

static void serve_stream(int fd) {
    FILE *stream = fdopen(fd, "r+");
    while (fgets(buffer, sizeof buffer, stream))
        if (!strcmp(buffer, "\r\n")) fputs("HTTP/1.1 204 No Content\r\n\r\n", stream), fflush(stream);
    fclose(stream);
}

static void *serve_thread(void *fd) {
    serve((int)(long)fd);
    return NULL;
}

/* Passes the connection to another process, which serves it. */
static void pass(int fd) {
    int ends[2];
    char control[CMSG_SPACE(sizeof fd)] = {0};
    struct iovec part = {"x", 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) exit(7);
    if (fork() == 0) {
        close(fd);
        char byte;
        part.iov_base = &byte;
        if (recvmsg(ends[1], &message, 0) != 1) exit(8);
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
        serve(fd);
        exit(0);
    }
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd)};
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    if (sendmsg(ends[0], &message, 0) != 1) exit(9);
    close(fd);
    wait(NULL);
    close(ends[0]);
    close(ends[1]);
}

static void execute(int fd) {
    char number[12];
    snprintf(number, sizeof number, "%d", fd);
    if (fork() == 0) execl(program, program, port, "executed", number, NULL);
    close(fd);
    wait(NULL);
}

static void take(int listener) {
    int fd = accept(listener, NULL, NULL);
    if (is("dup")) {
        int copy = dup(fd);
        close(fd);
        serve(copy);
    } else if (is("threads")) {
        pthread_t thread;
        pthread_create(&thread, NULL, serve_thread, (void *)(long)fd);
        pthread_detach(thread);
    } else if (is("stream")) {
        serve_stream(fd);
    } else if (is("passed")) {
        pass(fd);
    } else if (is("exec")) {
        execute(fd);
    } else {
        serve(fd);
    }
}

int main(int count, char **words) {
    program = words[0], port = words[1], way = words[2];
    if (is("executed")) {
        serve(atoi(words[3]));
        return 0;
    }
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 16)) return 1;
    if (is("backend") && socketpair(AF_UNIX, SOCK_STREAM, 0, backend)) return 2;
    for (int workers = is("prefork") ? 3 : 0; workers > 0; workers--)
        if (fork() == 0)
            for (;;) take(listener);
    if (is("prefork")) wait(NULL);
    for (;;) take(listener);
    return count;
}
