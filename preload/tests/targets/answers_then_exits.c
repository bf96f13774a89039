/* Answers its only connection, then returns from main: over any transport, the answer arrives. */
#include "target.h"

int main(void) {
    int listener = listen_on(8101);
    int fd = accept(listener, NULL, NULL);
    CHECK(fd >= 0);
    CHECK(serve_once(fd) == 1);
    close(fd);
    return 0;
}
