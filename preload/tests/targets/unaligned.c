/* Passes structures at odd addresses, which the kernel accepts because it copies them. */
#include "target.h"

/* Room for any of the structures at an odd address. */
static _Alignas(16) char odd[4096];

static void *at_odd(const void *value, size_t size) { return memcpy(odd + 1, value, size); }

static void wait_by_poll(int fd) {
    struct pollfd polled[2] = {{.fd = -1}, {.fd = fd, .events = POLLIN}};
    struct timespec limit = {.tv_sec = 60};
    CHECK(poll(at_odd(polled, sizeof polled), 2, -1) == 1);
    CHECK(ppoll(at_odd(polled, sizeof polled), 2, memcpy(odd + 1001, &limit, sizeof limit), NULL) == 1);
    memcpy(polled, odd + 1, sizeof polled);
    CHECK(polled[1].revents == POLLIN && polled[1].fd == fd);
}

static void wait_by_select(int fd) {
    fd_set set;
    struct timeval limit = {.tv_sec = 60};
    struct timespec other_limit = {.tv_sec = 60};
    FD_ZERO(&set);
    FD_SET(fd, &set);
    CHECK(select(fd + 1, at_odd(&set, sizeof set), NULL, NULL, memcpy(odd + 1001, &limit, sizeof limit)) == 1);
    memcpy(&set, odd + 1, sizeof set);
    CHECK(FD_ISSET(fd, &set));
    memcpy(odd + 1001, &other_limit, sizeof other_limit);
    CHECK(pselect(fd + 1, (fd_set *)(odd + 1), NULL, NULL, (struct timespec *)(odd + 1001), NULL) == 1);
}

static void wait_by_epoll(int epoll, int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, at_odd(&event, sizeof event)) == 0);
    CHECK(epoll_wait(epoll, (struct epoll_event *)(odd + 1), 1, -1) == 1);
    memcpy(&event, odd + 1, sizeof event);
    CHECK(event.data.fd == fd && event.events == EPOLLIN);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL) == 0);
}

static void repeat_first_line(int fd) {
    char request[4096], head[128];
    struct iovec parts[2] = {{.iov_base = request, .iov_len = 3}, {.iov_base = request + 3, .iov_len = 1}};
    struct msghdr message = {.msg_iov = (struct iovec *)(odd + 1001), .msg_iovlen = 1};
    CHECK(readv(fd, at_odd(parts, sizeof parts), 2) == 4);
    parts[0] = (struct iovec){.iov_base = request + 4, .iov_len = sizeof request - 4};
    memcpy(odd + 1001, parts, sizeof parts);
    ssize_t len = recvmsg(fd, at_odd(&message, sizeof message), 0);
    CHECK(len > 0);
    int line = (int)strcspn(request, "\r\n");
    log_line(request, line);
    request[line] = '\n';
    parts[0].iov_base = head;
    parts[0].iov_len = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", line + 1);
    parts[1] = (struct iovec){.iov_base = request, .iov_len = 1};
    CHECK(writev(fd, at_odd(parts, sizeof parts), 2) == (ssize_t)parts[0].iov_len + 1);
    parts[0] = (struct iovec){.iov_base = request + 1, .iov_len = line};
    memcpy(odd + 1001, parts, sizeof parts);
    CHECK(sendmsg(fd, at_odd(&message, sizeof message), 0) == line);
}

int main(void) {
    int listener = listen_on(8101), epoll = epoll_create1(0);
    for (;;) {
        wait_by_poll(listener);
        wait_by_select(listener);
        int fd = accept(listener, NULL, NULL);
        wait_by_epoll(epoll, fd);
        wait_by_poll(fd);
        wait_by_select(fd);
        repeat_first_line(fd);
        serve(fd);
    }
}
