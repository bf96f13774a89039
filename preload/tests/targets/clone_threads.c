/* A thread that is created by clone(2), and so unknown to libc, serves all connections. */
#include "target.h"
#include <sched.h>
#include <sys/eventfd.h>

static char stack[256 * 1024] __attribute__((aligned(16)));
static int work, connection;

static int serve_thread(void *unused) {
    (void)unused;
    for (eventfd_t count;;) {
        CHECK(read(work, &count, sizeof count) == sizeof count);
        serve(connection);
        CHECK(write(work + 1, &count, sizeof count) == sizeof count);
    }
}

int main(void) {
    int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
    int listener = listen_on(8101);
    CHECK((work = eventfd(0, 0)) >= 0 && eventfd(0, 0) == work + 1);
    CHECK(clone(serve_thread, stack + sizeof stack, flags, NULL) > 0);
    for (eventfd_t one = 1;;) {
        connection = accept(listener, NULL, NULL);
        CHECK(connection >= 0 && write(work, &one, sizeof one) == sizeof one);
        CHECK(read(work + 1, &one, sizeof one) == sizeof one);
    }
}
