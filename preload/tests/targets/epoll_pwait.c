/* Waits in epoll_pwait. */
#define WAIT(epoll, event) epoll_pwait(epoll, event, 1, -1, NULL)
#include "epoll_loop.h"
