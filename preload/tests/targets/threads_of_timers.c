/* The function of a timer runs in a thread that libc creates for it (timer_create(2), SIGEV_THREAD). It uses epoll at
   the same time as the server's own thread. */
#include "target.h"

static int epoll, copy, over;

static void add_and_remove(int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL) == 0);
}

static void tick(union sigval unused) {
    (void)unused;
    for (int i = 0; i < 2000; i++) add_and_remove(copy);
    __atomic_store_n(&over, 1, __ATOMIC_SEQ_CST);
}

int main(void) {
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = tick};
    struct itimerspec soon = {.it_value.tv_nsec = 500000};
    timer_t timer;
    epoll = epoll_create1(0);
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        copy = dup(fd);
        CHECK(fd >= 0 && copy >= 0);
        over = 0;
        CHECK(timer_settime(timer, 0, &soon, NULL) == 0);
        while (!__atomic_load_n(&over, __ATOMIC_SEQ_CST)) add_and_remove(fd);
        close(copy);
        serve(fd);
    }
}
