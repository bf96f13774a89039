/* Functions that take or return a path. */

#include "conformance.h"

#include <dirent.h>
#include <glob.h>
#include <spawn.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <utime.h>

/* Names that headers do not declare. */
int __openat_2(int, const char *, int), __openat64_2(int, const char *, int);
int __xstat(int, const char *, struct stat *), __xstat64(int, const char *, struct stat64 *);
int __lxstat(int, const char *, struct stat *), __lxstat64(int, const char *, struct stat64 *);
int __fxstatat(int, int, const char *, struct stat *, int), __fxstatat64(int, int, const char *, struct stat64 *, int);
char *__getcwd_chk(char *, size_t, size_t), *__realpath_chk(const char *, char *, size_t);
ssize_t __readlink_chk(const char *, char *, size_t, size_t), __readlinkat_chk(int, const char *, char *, size_t, size_t);

static struct dirent **entries;
static struct dirent64 **entries64;
static glob_t found;
static glob64_t found64;
static struct stat status;
static struct stat64 status64;
static struct statx extended;
static struct statfs file_system;
static struct statfs64 file_system64;
static struct statvfs volume;
static struct statvfs64 volume64;
static posix_spawn_file_actions_t actions;
static char bytes[PATH_MAX], *nobody[] = {NULL};

static char *long_path(void) {
    static char path[5000];
    memset(path, 'a', sizeof path - 1);
    return path;
}

/* No call may succeed, because it could change the machine. */
#define PATHS(TRY, name, call_of)                                                                      \
    NAMED_CASE(name##_none, #name "/none", BARE) {                                                     \
        const char *path = "/missing/file";                                                            \
        TRY(call_of), path = "", TRY(call_of), path = long_path(), TRY(call_of);                       \
    }                                                                                                  \
    NAMED_CASE(name##_null, #name "/null", BARE) { const char *path = null; TRY(call_of); }            \
    NAMED_CASE(name##_bad, #name "/bad", BARE) { const char *path = bad; TRY(call_of); }
PATHS(TRY, creat, F(creat)(path, 0600))
PATHS(TRY, creat64, F(creat64)(path, 0600))
PATHS(TRY, __openat_2, F(__openat_2)(AT_FDCWD, path, O_RDONLY))
PATHS(TRY, __openat64_2, F(__openat64_2)(AT_FDCWD, path, O_RDONLY))
PATHS(TRY_POINTER, fopen, F(fopen)(path, "r"))
PATHS(TRY_POINTER, fopen64, F(fopen64)(path, "r"))
PATHS(TRY_POINTER, freopen, F(freopen)(path, "r", stdin))
PATHS(TRY_POINTER, freopen64, F(freopen64)(path, "r", stdin))
PATHS(TRY_POINTER, opendir, F(opendir)(path))
PATHS(TRY, scandir, F(scandir)(path, &entries, NULL, NULL))
PATHS(TRY, scandir64, F(scandir64)(path, &entries64, NULL, NULL))
PATHS(TRY, scandirat, F(scandirat)(AT_FDCWD, path, &entries, NULL, NULL))
PATHS(TRY, scandirat64, F(scandirat64)(AT_FDCWD, path, &entries64, NULL, NULL))
PATHS(TRY, glob, F(glob)(path, 0, NULL, &found))
PATHS(TRY, glob64, F(glob64)(path, 0, NULL, &found64))
PATHS(TRY, inotify_add_watch, F(inotify_add_watch)(inotify_init(), path, IN_MODIFY))
PATHS(TRY, stat, F(stat)(path, &status))
PATHS(TRY, stat64, F(stat64)(path, &status64))
PATHS(TRY, lstat, F(lstat)(path, &status))
PATHS(TRY, lstat64, F(lstat64)(path, &status64))
PATHS(TRY, fstatat, F(fstatat)(AT_FDCWD, path, &status, 0))
PATHS(TRY, fstatat64, F(fstatat64)(AT_FDCWD, path, &status64, 0))
PATHS(TRY, __xstat, F(__xstat)(1, path, &status))
PATHS(TRY, __xstat64, F(__xstat64)(1, path, &status64))
PATHS(TRY, __lxstat, F(__lxstat)(1, path, &status))
PATHS(TRY, __lxstat64, F(__lxstat64)(1, path, &status64))
PATHS(TRY, __fxstatat, F(__fxstatat)(1, AT_FDCWD, path, &status, 0))
PATHS(TRY, __fxstatat64, F(__fxstatat64)(1, AT_FDCWD, path, &status64, 0))
PATHS(TRY, statx, F(statx)(AT_FDCWD, path, 0, STATX_ALL, &extended))
PATHS(TRY, statfs, F(statfs)(path, &file_system))
PATHS(TRY, statfs64, F(statfs64)(path, &file_system64))
PATHS(TRY, statvfs, F(statvfs)(path, &volume))
PATHS(TRY, statvfs64, F(statvfs64)(path, &volume64))
PATHS(TRY, pathconf, F(pathconf)(path, _PC_NAME_MAX))
PATHS(TRY, ftok, F(ftok)(path, 1))
PATHS(TRY, access, F(access)(path, R_OK))
PATHS(TRY, faccessat, F(faccessat)(AT_FDCWD, path, R_OK, 0))
PATHS(TRY, euidaccess, F(euidaccess)(path, R_OK))
PATHS(TRY, eaccess, F(eaccess)(path, R_OK))
PATHS(TRY, getxattr, F(getxattr)(path, "user.a", bytes, 9))
PATHS(TRY, lgetxattr, F(lgetxattr)(path, "user.a", bytes, 9))
PATHS(TRY, listxattr, F(listxattr)(path, bytes, 9))
PATHS(TRY, llistxattr, F(llistxattr)(path, bytes, 9))
PATHS(TRY, setxattr, F(setxattr)(path, "user.a", bytes, 9, 0))
PATHS(TRY, lsetxattr, F(lsetxattr)(path, "user.a", bytes, 9, 0))
PATHS(TRY, removexattr, F(removexattr)(path, "user.a"))
PATHS(TRY, lremovexattr, F(lremovexattr)(path, "user.a"))
PATHS(TRY, mkdir, F(mkdir)(path, 0700))
PATHS(TRY, mkdirat, F(mkdirat)(AT_FDCWD, path, 0700))
PATHS(TRY, mkfifo, F(mkfifo)(path, 0600))
PATHS(TRY, mkfifoat, F(mkfifoat)(AT_FDCWD, path, 0600))
PATHS(TRY, mknod, F(mknod)(path, S_IFREG | 0600, 0))
PATHS(TRY, mknodat, F(mknodat)(AT_FDCWD, path, S_IFREG | 0600, 0))
PATHS(TRY, rmdir, F(rmdir)(path))
PATHS(TRY, remove, F(remove)(path))
PATHS(TRY, rename, F(rename)(path, "/missing/other"))
PATHS(TRY, renameat, F(renameat)(AT_FDCWD, path, AT_FDCWD, "/missing/other"))
PATHS(TRY, renameat2, F(renameat2)(AT_FDCWD, path, AT_FDCWD, "/missing/other", 0))
PATHS(TRY, link, F(link)(path, "/missing/other"))
PATHS(TRY, linkat, F(linkat)(AT_FDCWD, path, AT_FDCWD, "/missing/other", 0))
PATHS(TRY, symlink, F(symlink)("other", path))
PATHS(TRY, symlinkat, F(symlinkat)("other", AT_FDCWD, path))
PATHS(TRY, truncate, F(truncate)(path, 0))
PATHS(TRY, truncate64, F(truncate64)(path, 0))
PATHS(TRY, utime, F(utime)(path, NULL))
PATHS(TRY, utimes, F(utimes)(path, NULL))
PATHS(TRY, lutimes, F(lutimes)(path, NULL))
PATHS(TRY, futimesat, F(futimesat)(AT_FDCWD, path, NULL))
PATHS(TRY, utimensat, F(utimensat)(AT_FDCWD, path, NULL, 0))
PATHS(TRY, chdir, F(chdir)(path))
PATHS(TRY, chroot, F(chroot)(path))
PATHS(TRY_POINTER, realpath, F(realpath)(path, bytes))
PATHS(TRY_POINTER, __realpath_chk, F(__realpath_chk)(path, bytes, sizeof bytes))
PATHS(TRY_POINTER, canonicalize_file_name, F(canonicalize_file_name)(path))
PATHS(TRY, readlink, F(readlink)(path, bytes, 9))
PATHS(TRY, __readlink_chk, F(__readlink_chk)(path, bytes, 9, sizeof bytes))
PATHS(TRY, readlinkat, F(readlinkat)(AT_FDCWD, path, bytes, 9))
PATHS(TRY, __readlinkat_chk, F(__readlinkat_chk)(AT_FDCWD, path, bytes, 9, sizeof bytes))
PATHS(TRY, execve, F(execve)(path, nobody, nobody))
PATHS(TRY, execv, F(execv)(path, nobody))
PATHS(TRY, execvp, F(execvp)(path, nobody))
PATHS(TRY, execvpe, F(execvpe)(path, nobody, nobody))
PATHS(TRY_CODE, posix_spawn_file_actions_addopen, F(posix_spawn_file_actions_addopen)(&actions, 9, path, O_RDONLY, 0))
PATHS(TRY_CODE, posix_spawn_file_actions_addchdir_np, F(posix_spawn_file_actions_addchdir_np)(&actions, path))

#define TEMPLATES(TRY, name, suffix, ...)                                                              \
    NAMED_CASE(name##_invalid, #name "/invalid", BARE) {                                               \
        char path[] = "/missing/fileXXXXX" suffix, missing[] = "/missing/fileXXXXXX" suffix, *template = path; \
        TRY(F(name)(template __VA_ARGS__)), say(side, "%s", path);                                     \
        template = missing, TRY(F(name)(template __VA_ARGS__));                                        \
    }                                                                                                  \
    NAMED_CASE(name##_bad, #name "/bad", BARE) { char *template = bad; TRY(F(name)(template __VA_ARGS__)); }
TEMPLATES(TRY, mkstemp, "")
TEMPLATES(TRY, mkstemp64, "")
TEMPLATES(TRY, mkostemp, "", , O_CLOEXEC)
TEMPLATES(TRY, mkostemp64, "", , O_CLOEXEC)
TEMPLATES(TRY, mkstemps, ".c", , 2)
TEMPLATES(TRY, mkstemps64, ".c", , 2)
TEMPLATES(TRY, mkostemps, ".c", , 2, O_CLOEXEC)
TEMPLATES(TRY, mkostemps64, ".c", , 2, O_CLOEXEC)
TEMPLATES(TRY_POINTER, mkdtemp, "")

static void try_getcwd(struct side *side, char *place, size_t size) { TRY_POINTER(F(getcwd)(place, size)), say(side, "%.9s", bytes); }
CASE(getcwd, sizes, BARE) {
    CHECK(chdir("/usr/include") == 0);
    try_getcwd(side, bytes, sizeof bytes), try_getcwd(side, bytes, 13), try_getcwd(side, bytes, 12), try_getcwd(side, bytes, 0);
    try_getcwd(side, null, 0), try_getcwd(side, null, 13), try_getcwd(side, null, 12);
}
CASE(getcwd, bad, BARE) { try_getcwd(side, bad, 4096); }
CASE(__getcwd_chk, sizes, BARE) { TRY_POINTER(F(__getcwd_chk)(bytes, 4096, 4096)), TRY_POINTER(F(__getcwd_chk)(bytes, 1, 4096)); }
CASE(get_current_dir_name, here, BARE) { CHECK(chdir("/usr/include") == 0); TRY_POINTER(F(get_current_dir_name)()), say(side, "%s", F(get_current_dir_name)()); }
CASE(realpath, file, BARE) { TRY_POINTER(F(realpath)("/usr/../etc/./passwd", bytes)), say(side, "%s %s", bytes, F(realpath)("//etc", null)); }
CASE(realpath, not_a_directory, BARE) { TRY_POINTER(F(realpath)("/etc/passwd/a", bytes)), say(side, "%s", bytes); }
CASE(stat, file, BARE) { TRY(F(stat)("/etc/passwd", &status)), say(side, "%lu", status.st_ino), TRY(F(stat)("/etc/passwd", bad)); }
CASE(access, mode, BARE) { TRY(F(access)("/etc/passwd", 99)), TRY(F(access)("/etc/passwd", F_OK)); }
CASE(statx, flags, BARE) { TRY(F(statx)(AT_FDCWD, "/etc", 0x9999, STATX_ALL, &extended)), TRY(F(statx)(2, "", AT_EMPTY_PATH, STATX_ALL, &extended)); }
CASE(fopen, mode, BARE) { TRY_POINTER(F(fopen)("/etc/passwd", "x")), TRY_POINTER(F(fopen)("/etc/passwd", "r")), TRY_POINTER(F(fopen)("/etc", "w")); }
CASE(opendir, file, BARE) { TRY_POINTER(F(opendir)("/etc/passwd")), TRY_POINTER(F(opendir)("/etc")); }
CASE(glob, found, BARE) {
    TRY(F(glob)("/etc/pas?wd", 0, NULL, &found)), say(side, "%zu %s flags=%#x", found.gl_pathc, found.gl_pathv[0], found.gl_flags);
    TRY(F(glob)("/etc/host{s,name}", GLOB_APPEND | GLOB_BRACE, NULL, &found)), say(side, "%zu", found.gl_pathc);
    TRY(F(glob)("/etc/*", 0x8000000, NULL, &found)), TRY(F(glob)("/missing/*", 0, NULL, &found));
}
CASE(renameat2, flags, BARE) { TRY(F(renameat2)(AT_FDCWD, "/missing", AT_FDCWD, "/missing", 0x9999)), TRY(F(renameat2)(CLOSED, "a", CLOSED, "b", 0)); }
CASE(rename, other, BARE) { TRY(F(rename)("/missing/file", bad)), TRY(F(rename)("/missing/file", null)), TRY(F(rename)("/missing/file", long_path())); }
CASE(readlink, file, BARE) { TRY(F(readlink)("/etc/passwd", bytes, 9)), TRY(F(readlink)("/proc/self/exe", bytes, 0)), TRY(F(readlink)("/proc/self/exe", bad, 9)); }
CASE(execve, file, BARE) { TRY(F(execve)("/etc/passwd", nobody, nobody)), TRY(F(execve)("/etc", nobody, nobody)); }
