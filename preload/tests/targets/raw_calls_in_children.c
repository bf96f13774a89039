/* Forks for every connection; parent and child make raw system calls. */
#include "target.h"
#include "raw.h"
#include <sys/syscall.h>
#include <sys/wait.h>

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        long connection = raw(SYS_accept, listener, 0, 0, 0, 0, 0);
        CHECK(connection >= 0);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            struct pollfd readable = {.fd = (int)connection, .events = POLLIN};
            CHECK(raw(SYS_poll, (long)&readable, 1, -1, 0, 0, 0) == 1);
            serve((int)connection);
            _exit(0);
        }
        raw(SYS_close, connection, 0, 0, 0, 0, 0);
        CHECK(raw(SYS_wait4, child, 0, 0, 0, 0, 0) == child);
    }
}
