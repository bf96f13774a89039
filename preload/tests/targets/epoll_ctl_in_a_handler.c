/* Registers a connection with epoll repeatedly, while the signal handler of a timer registers a duplicate of it. */
#include "target.h"
#include <sys/time.h>

static int epoll, copy;
static volatile sig_atomic_t handled;

static void add_and_remove(int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL) == 0);
}

static void handle(int signal) {
    (void)signal;
    int before = errno;
    add_and_remove(copy);
    handled++;
    errno = before;
}

int main(void) {
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
    struct itimerval often = {.it_interval.tv_usec = 50, .it_value.tv_usec = 50}, stop = {0};
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    epoll = epoll_create1(0);
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        copy = dup(fd);
        CHECK(fd >= 0 && copy >= 0);
        handled = 0;
        CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
        while (handled < 400) add_and_remove(fd);
        CHECK(setitimer(ITIMER_REAL, &stop, NULL) == 0);
        close(copy);
        serve(fd);
    }
}
