/* Listens, then goes to the background by fork, setsid and a second fork; both parents exit. */
#include "target.h"

int main(void) {
    int listener = listen_on(8101);
    if (fork() > 0) return 0; /* runs the exit handlers */
    CHECK(setsid() > 0);
    if (fork() > 0) _exit(0);
    CHECK(chdir("/") == 0);
    for (int fd = 0; fd < 3; fd++) close(fd);
    CHECK(open("/dev/null", O_RDWR) == 0 && dup(0) == 1 && dup(0) == 2);
    for (;;) serve(accept(listener, NULL, NULL));
}
