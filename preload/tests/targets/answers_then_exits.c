/* Answers its only connection, then returns from main. The answer arrives over every transport. */
#include "target.h"

int main(void) {
    int listener = listen_on(8101);
    int fd = accept(listener, NULL, NULL);
    CHECK(fd >= 0);
    CHECK(serve_once(fd) == 1);
    close(fd);
    return 0;
}
