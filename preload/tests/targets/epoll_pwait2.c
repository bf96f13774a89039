/* Waits in epoll_pwait2. */
#define WAIT(epoll, event) epoll_pwait2(epoll, event, 1, NULL, NULL)
#include "epoll_loop.h"
