/* Finds files by paths that do not exist, with every function that opens them or asks for their attributes. */
#include "relocated.h"
#include <dirent.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#define FILE_PATH SERVER "/www/file"

int __open_2(const char *, int), __open64_2(const char *, int), __openat_2(int, const char *, int), __openat64_2(int, const char *, int);

static void open_files(void) {
    check_content(open(FILE_PATH, O_RDONLY));
    check_content(open64("//nonexistent/./server//www/../www/file", O_RDONLY));
    check_content(openat(AT_FDCWD, FILE_PATH, O_RDONLY));
    check_content(openat64(2, FILE_PATH, O_RDONLY));
    check_content(__open_2(FILE_PATH, O_RDONLY)), check_content(__open64_2(FILE_PATH, O_RDONLY));
    check_content(__openat_2(2, FILE_PATH, O_RDONLY)), check_content(__openat64_2(2, FILE_PATH, O_RDONLY));
    check_content(syscall(SYS_openat, AT_FDCWD, FILE_PATH, O_RDONLY));
    FILE *file = fopen(FILE_PATH, "r");
    CHECK(file && (file = freopen(FILE_PATH, "r", file)) && (file = freopen64(FILE_PATH, "r", file)));
    CHECK(fgetc(file) == 'f' && fclose(file) == 0);
    CHECK((file = fopen64(FILE_PATH, "r")) && fclose(file) == 0);
    CHECK(open(SERVER "s/www/file", O_RDONLY) < 0 && errno == ENOENT);
    CHECK(open(SERVER "/www/other", O_RDONLY) < 0 && errno == ENOENT);
    check_content(open(SERVER "/elsewhere", O_RDONLY)); /* a pair of its own */
}

static void read_directories(void) {
    struct dirent **entries;
    struct dirent64 **entries64;
    DIR *directory = opendir(SERVER "/www");
    CHECK(directory && readdir(directory) && closedir(directory) == 0);
    CHECK(scandir(SERVER "/www", &entries, NULL, NULL) == 4 && scandir64(SERVER "/www", &entries64, NULL, NULL) == 4);
    CHECK(scandirat(2, SERVER "/www", &entries, NULL, NULL) == 4 && scandirat64(2, SERVER "/www", &entries64, NULL, NULL) == 4);
}

/* Names that headers do not declare, for programs that were built with an older glibc. */
int __xstat(int, const char *, struct stat *), __xstat64(int, const char *, struct stat64 *);
int __lxstat(int, const char *, struct stat *), __lxstat64(int, const char *, struct stat64 *);
int __fxstatat(int, int, const char *, struct stat *, int), __fxstatat64(int, int, const char *, struct stat64 *, int);

#define IS_FILE(call) CHECK((memset(&status, 0, sizeof status), memset(&status64, 0, sizeof status64), call) == 0 && (status.st_size == 5 || status64.st_size == 5))

static void read_attributes(void) {
    struct stat status;
    struct stat64 status64;
    struct statx extended;
    struct statfs system;
    struct statvfs volume;
    char bytes[8];
    IS_FILE(stat(FILE_PATH, &status));
    IS_FILE(stat64(FILE_PATH, &status64));
    IS_FILE(lstat(FILE_PATH, &status));
    IS_FILE(lstat64(FILE_PATH, &status64));
    IS_FILE(fstatat(2, FILE_PATH, &status, 0));
    IS_FILE(fstatat64(2, FILE_PATH, &status64, 0));
#ifdef __x86_64__ /* the version of the structure */
    IS_FILE(__xstat(1, FILE_PATH, &status));
    IS_FILE(__xstat64(1, FILE_PATH, &status64));
    IS_FILE(__lxstat(1, FILE_PATH, &status));
    IS_FILE(__lxstat64(1, FILE_PATH, &status64));
    IS_FILE(__fxstatat(1, 2, FILE_PATH, &status, 0));
    IS_FILE(__fxstatat64(1, 2, FILE_PATH, &status64, 0));
#endif
    CHECK(statx(2, FILE_PATH, 0, STATX_SIZE, &extended) == 0 && extended.stx_size == 5);
    CHECK(statfs(FILE_PATH, &system) == 0 && statvfs(FILE_PATH, &volume) == 0);
    CHECK(pathconf(FILE_PATH, _PC_NAME_MAX) > 0 && ftok(FILE_PATH, 1) != -1);
    CHECK(access(FILE_PATH, R_OK) == 0 && faccessat(2, FILE_PATH, R_OK, 0) == 0);
    CHECK(euidaccess(FILE_PATH, R_OK) == 0 && eaccess(FILE_PATH, R_OK) == 0);
    CHECK(getxattr(FILE_PATH, "user.none", bytes, 8) < 0 && errno != ENOENT);
    CHECK(lgetxattr(FILE_PATH, "user.none", bytes, 8) < 0 && errno != ENOENT);
    CHECK((listxattr(FILE_PATH, NULL, 0) >= 0 && llistxattr(FILE_PATH, NULL, 0) >= 0) || errno != ENOENT);
    int inotify = inotify_init();
    CHECK(inotify_add_watch(inotify, FILE_PATH, IN_MODIFY) >= 0 && close(inotify) == 0);
    CHECK(access("/proc/self/exe", R_OK) == 0 && access(SERVER "/missing", R_OK) < 0 && errno == ENOENT);
}

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        open_files();
        read_directories();
        read_attributes();
        serve(accept(listener, NULL, NULL));
    }
}
