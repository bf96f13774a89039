/* Wakes up once a second, as servers with periodic tasks do. */
#define WAIT(epoll, event) wait_with_timeout(epoll, event)
#include "target.h"
static int wait_with_timeout(int epoll, struct epoll_event *event);
#include "epoll_loop.h"

static int wait_with_timeout(int epoll, struct epoll_event *event) {
    int count;
    while ((count = epoll_wait(epoll, event, 1, 1000)) == 0) {}
    return count;
}
