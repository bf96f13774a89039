/* Waits in epoll_wait. */
#define WAIT(epoll, event) epoll_wait(epoll, event, 1, -1)
#include "epoll_loop.h"
