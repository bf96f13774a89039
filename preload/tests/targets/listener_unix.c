/* UNIX-domain listener at TARGET_PATH, which may be abstract. The server changes and removes its file. */
#include "target.h"
#include <stddef.h>
#include <sys/stat.h>
#include <sys/un.h>

int main(void) {
    const char *path = getenv("TARGET_PATH");
    struct sockaddr_un address = {.sun_family = AF_UNIX}, own;
    CHECK(path && strlen(path) < sizeof address.sun_path);
    strcpy(address.sun_path, path);
    int abstract = path[0] == '@';
    socklen_t size = offsetof(struct sockaddr_un, sun_path) + strlen(path) + !abstract, len = sizeof own;
    if (abstract) address.sun_path[0] = 0;
    int listener = socket(AF_UNIX, SOCK_STREAM, 0), one = 1;
    /* The length of an address with a path may be the size of the whole structure. */
    CHECK(bind(listener, (struct sockaddr *)&address, abstract ? size : sizeof address) == 0);
    if (!abstract) {
        CHECK(chmod(path, 0600) == 0 && chown(path, getuid(), getgid()) == 0);
        CHECK(fchmodat(AT_FDCWD, path, 0666, 0) == 0 && lchown(path, -1, -1) == 0);
    }
    CHECK(listen(listener, 16) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&own, &len) == 0 && len == size);
    CHECK(!memcmp(&own, &address, size));
    if (!abstract) CHECK(unlink(path) == 0);
    for (;;) {
        struct sockaddr_un peer;
        len = sizeof peer;
        int fd = accept(listener, (struct sockaddr *)&peer, &len);
        CHECK(len == sizeof(sa_family_t) && peer.sun_family == AF_UNIX);
        CHECK(getpeername(fd, (struct sockaddr *)&peer, &len) == 0 && len == sizeof(sa_family_t));
        CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == -1 && errno == EOPNOTSUPP);
        serve(fd);
    }
}
