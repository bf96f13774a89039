/* Never waits, but asks epoll_wait again and again. */
#define WAIT(epoll, event) ask_until_ready(epoll, event)
#include "target.h"
static int ask_until_ready(int epoll, struct epoll_event *event);
#include "epoll_loop.h"

static int ask_until_ready(int epoll, struct epoll_event *event) {
    int count;
    while ((count = epoll_wait(epoll, event, 1, 0)) == 0) {}
    return count;
}
