/* Serves several connections by select. */
#include "session.h"

int main(void) {
    int connections[CONNECTIONS], listener = listen_on(8101);
    set_nonblocking(listener);
    memset(connections, FREE, sizeof connections);
    for (;;) {
        fd_set readable;
        FD_ZERO(&readable);
        FD_SET(listener, &readable);
        for (int number = 0; number < CONNECTIONS; number++)
            if (connections[number] != FREE) FD_SET(connections[number], &readable);
        CHECK(select(FD_SETSIZE, &readable, NULL, NULL, NULL) > 0);
        for (int number = 0; number < CONNECTIONS; number++)
            if (connections[number] != FREE && FD_ISSET(connections[number], &readable) &&
                !see(number, connections[number], ""))
                connections[number] = FREE;
        int fd = FD_ISSET(listener, &readable) ? accept4(listener, NULL, NULL, SOCK_NONBLOCK) : -1;
        if (fd >= 0) connections[lowest_free(connections)] = fd;
    }
}
