/* Tries to set up io_uring, by libc's syscall() and by raw system calls, and serves without it. */
#include "target.h"
#include "raw.h"
#include <sys/syscall.h>

int main(void) {
    char parameters[120] = {0};
    CHECK(syscall(SYS_io_uring_setup, 8, parameters) == -1 && errno == ENOSYS);
    CHECK(raw(SYS_io_uring_setup, 8, (long)parameters, 0, 0, 0, 0) == -1 && errno == ENOSYS);
    CHECK(raw(SYS_io_uring_enter, 3, 1, 0, 0, 0, 0) == -1 && errno == ENOSYS);
    CHECK(syscall(SYS_io_uring_register, 3, 8, parameters, 1) == -1 && errno == ENOSYS);
    int listener = listen_on(8101);
    for (;;) serve(accept(listener, NULL, NULL));
}
