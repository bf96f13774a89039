/* Dies by a signal at its first connection. */
#include "target.h"

int main(void) {
    int listener = listen_on(8101);
    accept(listener, NULL, NULL);
    raise(SIGSEGV);
}
