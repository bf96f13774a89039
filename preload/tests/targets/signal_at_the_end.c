/* A signal reports that the client has hung up, on a connection that another process serves to its end. */
#include "target.h"

union control {
    char room[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
};

static struct msghdr message(struct iovec *byte, union control *control) {
    return (struct msghdr){
        .msg_iov = byte, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control->room};
}

static void help(int channel) {
    for (;;) {
        char byte;
        struct iovec part = {&byte, 1};
        union control control;
        struct msghdr received = message(&part, &control);
        ssize_t len = recvmsg(channel, &received, MSG_CMSG_CLOEXEC);
        if (len == 0) _exit(0);
        CHECK(len == 1);
        int fd = *(int *)CMSG_DATA(CMSG_FIRSTHDR(&received));
        CHECK(serve_once(fd));
        CHECK(shutdown(fd, SHUT_WR) == 0);
        /* Waits in poll, because no signal is sent while a read waits. */
        struct pollfd end = {.fd = fd, .events = POLLIN};
        CHECK(poll(&end, 1, -1) == 1 && !serve_once(fd));
        close(fd);
    }
}

static void note(int signal) {
    (void)signal;
    log_line("signal", 6);
}

int main(void) {
    int listener = listen_on(8101), channel[2];
    struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, channel) == 0);
    if (fork() == 0) {
        close(channel[0]);
        help(channel[1]);
    }
    close(channel[1]);
    CHECK(sigaction(SIGIO, &action, NULL) == 0);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        CHECK(fcntl(fd, F_SETOWN, getpid()) == 0);
        CHECK(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC) == 0);
        struct iovec part = {"x", 1};
        union control control = {.room = ""};
        struct msghdr sent = message(&part, &control);
        struct cmsghdr *rights = CMSG_FIRSTHDR(&sent);
        *rights = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        *(int *)CMSG_DATA(rights) = fd;
        CHECK(sendmsg(channel[0], &sent, 0) == 1);
        close(fd);
    }
}
