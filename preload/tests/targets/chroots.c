/* Calls chroot(2), if privileged, with a directory that contains no /proc, and creates threads afterwards. */
#include "target.h"
#include <libgen.h>

static void *serve_thread(void *fd) {
    serve((int)(long)fd);
    return NULL;
}

int main(void) {
    int listener = listen_on(8101);
    if (geteuid() == 0) {
        /* The log must exist below the new root. */
        char directory[4096], name[4096], *log = getenv("TARGET_LOG");
        snprintf(directory, sizeof directory, "%s", log ? dirname(strdup(log)) : "/usr/include/net");
        CHECK(chroot(directory) == 0 && chdir("/") == 0 && access("/proc", F_OK) < 0);
        if (log) {
            snprintf(name, sizeof name, "/%s", basename(strdup(log)));
            CHECK(setenv("TARGET_LOG", name, 1) == 0);
        }
    }
    for (;;) {
        pthread_t thread;
        long fd = accept(listener, NULL, NULL);
        CHECK(fd >= 0 && pthread_create(&thread, NULL, serve_thread, (void *)fd) == 0);
        CHECK(pthread_detach(thread) == 0);
    }
}
