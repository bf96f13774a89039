/* Opens a file for every connection and does not close it. It accepts until no descriptor is free. */
#include "target.h"
#include <sys/resource.h>

int main(void) {
    struct rlimit few = {.rlim_cur = 64, .rlim_max = 64};
    if (getenv("TARGET_FEW")) CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
    int listener = listen_on(8101);
    for (;;) {
        struct pollfd ready = {.fd = listener, .events = POLLIN};
        CHECK(poll(&ready, 1, -1) == 1);
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) { /* out of descriptors: wait for one to be closed */
            poll(NULL, 0, -1);
            continue;
        }
        serve(fd);
        open("/dev/null", O_RDONLY);
    }
}
