/* Does not watch its listener for half a second after each connection, as servers do that lack some resource. This
   server is slow, not dead. */
#include "target.h"

int main(void) {
    int listener = listen_on(8101), resting = 0;
    for (;;) {
        struct pollfd watched = {.fd = resting ? -1 : listener, .events = POLLIN};
        int ready = poll(&watched, 1, resting ? 500 : -1);
        resting = ready == 1;
        if (ready == 1) serve(accept(listener, NULL, NULL));
    }
}
