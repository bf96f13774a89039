/* Single-threaded server over any of the waiting calls: `wait_readable` takes the listener and at most
   one connection (or -1), and returns the readable one. */

#include "target.h"

static int wait_readable(int listener, int connection);

int main(void) {
    int listener = listen_on(8101), connection = -1;
    set_nonblocking(listener);
    for (;;) {
        if (wait_readable(listener, connection) == listener) {
            if (connection < 0) connection = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        } else if (!serve_once(connection)) {
            close(connection);
            connection = -1;
        }
    }
}
