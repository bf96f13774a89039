/* Goes to the background by daemon(3), then listens. */
#include "target.h"

int main(void) {
    CHECK(daemon(1, 0) == 0);
    int listener = listen_on(8101);
    for (;;) serve(accept(listener, NULL, NULL));
}
