/* Serves several connections by epoll_wait, edge-triggered. */
#define MODE EPOLLET
#include "session_epoll.c"
