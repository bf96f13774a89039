/* One connection after the other, whatever else waits. */
#include "session.h"

int main(void) {
    for (int listener = listen_on(8101);;) {
        int fd = accept(listener, NULL, NULL);
        CHECK(fd >= 0);
        while (see(0, fd, "")) {}
    }
}
