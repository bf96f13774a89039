/* Serves several connections by poll. */
#include "session.h"

static const char *name(short events) {
    static char text[64];
    snprintf(text, sizeof text, "%s%s", events & POLLERR ? " ERR" : "", events & POLLHUP ? " HUP" : "");
    return text;
}

int main(void) {
    int connections[CONNECTIONS], listener = listen_on(8101);
    set_nonblocking(listener);
    memset(connections, FREE, sizeof connections);
    for (;;) {
        struct pollfd fds[CONNECTIONS + 1];
        for (int number = 0; number < CONNECTIONS; number++)
            fds[number] = (struct pollfd){.fd = connections[number], .events = POLLIN};
        fds[CONNECTIONS] = (struct pollfd){.fd = listener, .events = POLLIN};
        CHECK(poll(fds, CONNECTIONS + 1, -1) > 0);
        for (int number = 0; number < CONNECTIONS; number++)
            if (fds[number].revents && !see(number, fds[number].fd, name(fds[number].revents)))
                connections[number] = FREE;
        int fd = fds[CONNECTIONS].revents ? accept4(listener, NULL, NULL, SOCK_NONBLOCK) : -1;
        if (fd >= 0) connections[lowest_free(connections)] = fd;
    }
}
