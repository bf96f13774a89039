/* Serves one connection after the other while others wait; with BACKLOG, at most BACKLOG + 1 of them. */
#include "session.h"

int main(void) {
    int listener = listen_on(8101);
#ifdef BACKLOG
    CHECK(listen(listener, BACKLOG) == 0);
#endif
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        CHECK(fd >= 0);
        while (see(0, fd, "")) {}
    }
}
