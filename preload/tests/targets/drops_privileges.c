/* Becomes user "nobody" after listening, if privileged; waits in an epoll instance that it created before. */
#include "target.h"
#include <grp.h>
#include <sys/stat.h>

/* Opens the log in advance, because user "nobody" may not open it by its name. */
static void keep_log(void) {
    const char *name = getenv("TARGET_LOG");
    char link[32];
    if (!name) return;
    int fd = open(name, O_WRONLY | O_APPEND | O_CREAT, 0600);
    CHECK(fd >= 0 && fchmod(fd, 0666) == 0);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    CHECK(setenv("TARGET_LOG", link, 1) == 0);
}

int main(void) {
    int listener = listen_on(8101), epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) == 0);
    if (geteuid() == 0) {
        keep_log();
        CHECK(setgroups(0, NULL) == 0 && setgid(65534) == 0 && setuid(65534) == 0);
    }
    for (;;) {
        CHECK(epoll_wait(epoll, &event, 1, -1) == 1);
        int fd = event.data.fd;
        if (fd == listener) {
            event.data.fd = accept(listener, NULL, NULL);
            CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event) == 0);
        } else if (!serve_once(fd)) {
            close(fd);
        }
    }
}
