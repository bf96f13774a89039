/* Reads stdin, which is empty, before it listens, and prints to stdout and stderr while it serves. */
#include "target.h"

int main(void) {
    char byte;
    CHECK(read(0, &byte, 1) == 0);
    int listener = listen_on(8101);
    setlinebuf(stdout);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        puts("this is on stdout");
        fputs("this is on stderr\n", stderr);
        serve(fd);
    }
}
