/* Single-threaded server in which every call blocks. */
#include "target.h"

int main(void) {
    int listener = listen_on(8101);
    for (;;) serve(accept(listener, NULL, NULL));
}
