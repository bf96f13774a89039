/* Creates, changes and removes files by paths that do not exist. */
#include "relocated.h"
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <utime.h>

#define MADE SERVER "/run/made"
#define OTHER SERVER "/run/other"

static void make(const char *path) { CHECK(close(open(path, O_CREAT | O_EXCL | O_WRONLY, 0600)) == 0); }
static int exists(const char *path) { return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0; }

static void change_files(void) {
    make(MADE);
    CHECK(chmod(MADE, 0640) == 0 && fchmodat(2, MADE, 0600, 0) == 0);
    CHECK(chown(MADE, -1, -1) == 0 && lchown(MADE, -1, -1) == 0 && fchownat(2, MADE, -1, -1, 0) == 0);
    CHECK(truncate(MADE, 7) == 0 && truncate64(MADE, 8) == 0);
    CHECK(utime(MADE, NULL) == 0 && utimes(MADE, NULL) == 0 && lutimes(MADE, NULL) == 0);
    CHECK(futimesat(2, MADE, NULL) == 0 && utimensat(2, MADE, NULL, 0) == 0);
    CHECK(removexattr(MADE, "user.none") < 0 && errno != ENOENT && lremovexattr(MADE, "user.none") < 0 && errno != ENOENT);
    CHECK(setxattr(MADE, "none", "a", 1, 0) < 0 && errno != ENOENT && lsetxattr(MADE, "none", "a", 1, 0) < 0 && errno != ENOENT);
    CHECK(rename(MADE, OTHER) == 0 && renameat(2, OTHER, 2, MADE) == 0 && renameat2(2, MADE, 2, OTHER, 0) == 0);
    CHECK(link(OTHER, MADE) == 0 && unlink(MADE) == 0 && linkat(2, OTHER, 2, MADE, 0) == 0 && unlinkat(2, MADE, 0) == 0);
    CHECK(symlink("other", MADE) == 0 && exists(MADE) && remove(MADE) == 0);
    CHECK(symlinkat(SERVER "/run/none", 2, MADE) == 0);
    char target[64];
    CHECK(readlink(MADE, target, 64) == sizeof SERVER "/run/none" - 1 && !memcmp(target, SERVER, sizeof SERVER - 1));
    CHECK(remove(MADE) == 0 && remove(OTHER) == 0 && !exists(MADE) && !exists(OTHER));
    CHECK(close(creat(MADE, 0600)) == 0 && close(creat64(MADE, 0600)) == 0 && unlink(MADE) == 0);
}

static void make_special_files(void) {
    CHECK(mkdir(MADE, 0700) == 0 && rmdir(MADE) == 0 && mkdirat(2, MADE, 0700) == 0 && unlinkat(2, MADE, AT_REMOVEDIR) == 0);
    CHECK(mkfifo(MADE, 0600) == 0 && unlink(MADE) == 0 && mkfifoat(2, MADE, 0600) == 0 && unlink(MADE) == 0);
    CHECK(mknod(MADE, S_IFREG | 0600, 0) == 0 && unlink(MADE) == 0 && mknodat(2, MADE, S_IFREG | 0600, 0) == 0 && unlink(MADE) == 0);
}

#define CHOOSE(function, suffix, ...)                                                                 \
    do {                                                                                              \
        char path[] = SERVER "/run/XXXXXX" suffix;                                                    \
        CHECK(close(function(path __VA_ARGS__)) == 0 && !strstr(path, "XXXXXX"));                     \
        CHECK(!memcmp(path, SERVER "/run/", sizeof SERVER "/run/" - 1) && strlen(path) == sizeof path - 1); \
        CHECK(unlink(path) == 0);                                                                     \
    } while (0)

static void make_temporary_files(void) {
    CHOOSE(mkstemp, "");
    CHOOSE(mkstemp64, "");
    CHOOSE(mkostemp, "", , O_CLOEXEC);
    CHOOSE(mkostemp64, "", , O_CLOEXEC);
    CHOOSE(mkstemps, ".c", , 2);
    CHOOSE(mkstemps64, ".c", , 2);
    CHOOSE(mkostemps, ".c", , 2, O_CLOEXEC);
    CHOOSE(mkostemps64, ".c", , 2, O_CLOEXEC);
    char path[] = SERVER "/run/XXXXXX";
    CHECK(mkdtemp(path) == path && !strstr(path, "XXXXXX") && rmdir(path) == 0);
    char invalid[] = SERVER "/run/XXXXX";
    CHECK(mkstemp(invalid) < 0 && errno == EINVAL && !strcmp(invalid, SERVER "/run/XXXXX"));
}

static void use_sockets(void) {
    struct sockaddr_un { sa_family_t family; char path[108]; } address = {AF_UNIX, SERVER "/run/socket"};
    int listener = socket(AF_UNIX, SOCK_DGRAM, 0), client = socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(connect(client, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(exists(address.path) && unlink(address.path) == 0 && close(listener) == 0 && close(client) == 0);
}

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        change_files();
        make_special_files();
        make_temporary_files();
        use_sockets();
        CHECK(exists(SERVER "/run") && !exists("/nonexistent"));
        serve(fd);
    }
}
