/* Limits its descriptors, core dumps and memory (setrlimit(2)), and creates threads afterwards. */
#include "target.h"
#include <sys/resource.h>

static void *serve_thread(void *fd) {
    serve((int)(long)fd);
    return NULL;
}

static void limit(int resource, rlim_t most) {
    struct rlimit limit = {.rlim_cur = most, .rlim_max = most};
    CHECK(setrlimit(resource, &limit) == 0);
}

int main(void) {
    limit(RLIMIT_NOFILE, 32);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_AS, 512 << 20);
    int listener = listen_on(8101);
    for (;;) {
        pthread_t thread;
        long fd = accept(listener, NULL, NULL);
        CHECK(fd >= 0 && pthread_create(&thread, NULL, serve_thread, (void *)fd) == 0);
        CHECK(pthread_detach(thread) == 0);
    }
}
