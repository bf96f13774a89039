//! Rows of [`crate::table`]: functions that take or return a path.

/// Calls the macro `$callback` with the given rows, and with these.
macro_rules! interposed_functions_and_paths {
    ($callback:ident, $($rows:tt)*) => { $callback! {
        $($rows)*

        // Opening.
        fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int => random::open;
        fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int => random::open;
        fn openat(directory: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int => random::openat;
        fn openat64(directory: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int => random::openat;
        fn creat(path: *const c_char, mode: mode_t) -> c_int => random::creat;
        fn creat64(path: *const c_char, mode: mode_t) -> c_int => random::creat;
        fn __open_2(path: *const c_char, flags: c_int) -> c_int => random::open_2;
        fn __open64_2(path: *const c_char, flags: c_int) -> c_int => random::open_2;
        fn __openat_2(directory: c_int, path: *const c_char, flags: c_int) -> c_int => random::openat_2;
        fn __openat64_2(directory: c_int, path: *const c_char, flags: c_int) -> c_int => random::openat_2;
        fn fopen(path: *const c_char, mode: *const c_char) -> *mut FILE => opening::fopen;
        fn fopen64(path: *const c_char, mode: *const c_char) -> *mut FILE => opening::fopen;
        fn freopen(path: *const c_char, mode: *const c_char, stream: *mut FILE) -> *mut FILE => opening::freopen;
        fn freopen64(path: *const c_char, mode: *const c_char, stream: *mut FILE) -> *mut FILE => opening::freopen;
        fn opendir(path: *const c_char) -> *mut c_void => opening::opendir;
        fn scandir(path: *const c_char, entries: *mut c_void, filter: *mut c_void, compare: *mut c_void) -> c_int
            => opening::scandir;
        fn scandir64(path: *const c_char, entries: *mut c_void, filter: *mut c_void, compare: *mut c_void) -> c_int
            => opening::scandir;
        fn scandirat(
            directory: c_int, path: *const c_char, entries: *mut c_void, filter: *mut c_void, compare: *mut c_void
        ) -> c_int => opening::scandirat;
        fn scandirat64(
            directory: c_int, path: *const c_char, entries: *mut c_void, filter: *mut c_void, compare: *mut c_void
        ) -> c_int => opening::scandirat;
        fn glob(pattern: *const c_char, flags: c_int, on_error: *mut c_void, result: *mut c_void) -> c_int => glob::glob;
        fn glob64(pattern: *const c_char, flags: c_int, on_error: *mut c_void, result: *mut c_void) -> c_int => glob::glob;
        fn inotify_add_watch(inotify: c_int, path: *const c_char, events: u32) -> c_int => opening::inotify_add_watch;

        // Attributes. (Programs built with glibc before 2.33 call the names with `x`.)
        fn stat(path: *const c_char, status: *mut c_void) -> c_int => attributes::stat;
        fn stat64(path: *const c_char, status: *mut c_void) -> c_int => attributes::stat;
        fn lstat(path: *const c_char, status: *mut c_void) -> c_int => attributes::lstat;
        fn lstat64(path: *const c_char, status: *mut c_void) -> c_int => attributes::lstat;
        fn fstatat(directory: c_int, path: *const c_char, status: *mut c_void, flags: c_int) -> c_int
            => attributes::fstatat;
        fn fstatat64(directory: c_int, path: *const c_char, status: *mut c_void, flags: c_int) -> c_int
            => attributes::fstatat;
        fn __xstat(version: c_int, path: *const c_char, status: *mut c_void) -> c_int => attributes::__xstat;
        fn __xstat64(version: c_int, path: *const c_char, status: *mut c_void) -> c_int => attributes::__xstat;
        fn __lxstat(version: c_int, path: *const c_char, status: *mut c_void) -> c_int => attributes::__lxstat;
        fn __lxstat64(version: c_int, path: *const c_char, status: *mut c_void) -> c_int => attributes::__lxstat;
        fn __fxstatat(version: c_int, directory: c_int, path: *const c_char, status: *mut c_void, flags: c_int) -> c_int
            => attributes::__fxstatat;
        fn __fxstatat64(version: c_int, directory: c_int, path: *const c_char, status: *mut c_void, flags: c_int) -> c_int
            => attributes::__fxstatat;
        fn statx(directory: c_int, path: *const c_char, flags: c_int, wanted: c_uint, status: *mut c_void) -> c_int
            => attributes::statx;
        fn statfs(path: *const c_char, status: *mut c_void) -> c_int => attributes::statfs;
        fn statfs64(path: *const c_char, status: *mut c_void) -> c_int => attributes::statfs;
        fn statvfs(path: *const c_char, status: *mut c_void) -> c_int => attributes::statvfs;
        fn statvfs64(path: *const c_char, status: *mut c_void) -> c_int => attributes::statvfs;
        fn pathconf(path: *const c_char, name: c_int) -> c_long => attributes::pathconf;
        fn ftok(path: *const c_char, project: c_int) -> key_t => attributes::ftok;
        fn access(path: *const c_char, mode: c_int) -> c_int => attributes::access;
        fn faccessat(directory: c_int, path: *const c_char, mode: c_int, flags: c_int) -> c_int => attributes::faccessat;
        fn euidaccess(path: *const c_char, mode: c_int) -> c_int => attributes::euidaccess;
        fn eaccess(path: *const c_char, mode: c_int) -> c_int => attributes::euidaccess;
        fn getxattr(path: *const c_char, name: *const c_char, value: *mut c_void, size: size_t) -> ssize_t
            => attributes::getxattr;
        fn lgetxattr(path: *const c_char, name: *const c_char, value: *mut c_void, size: size_t) -> ssize_t
            => attributes::lgetxattr;
        fn listxattr(path: *const c_char, names: *mut c_char, size: size_t) -> ssize_t => attributes::listxattr;
        fn llistxattr(path: *const c_char, names: *mut c_char, size: size_t) -> ssize_t => attributes::llistxattr;
        fn setxattr(path: *const c_char, name: *const c_char, value: *const c_void, size: size_t, flags: c_int) -> c_int
            => attributes::setxattr;
        fn lsetxattr(path: *const c_char, name: *const c_char, value: *const c_void, size: size_t, flags: c_int) -> c_int
            => attributes::lsetxattr;
        fn removexattr(path: *const c_char, name: *const c_char) -> c_int => attributes::removexattr;
        fn lremovexattr(path: *const c_char, name: *const c_char) -> c_int => attributes::lremovexattr;

        // Changes. (The first ones spare the path of a taken-over UNIX-domain listener.)
        fn chmod(path: *const c_char, mode: mode_t) -> c_int => paths::chmod;
        fn fchmodat(directory: c_int, path: *const c_char, mode: mode_t, flags: c_int) -> c_int => paths::fchmodat;
        fn chown(path: *const c_char, user: uid_t, group: gid_t) -> c_int => paths::chown;
        fn lchown(path: *const c_char, user: uid_t, group: gid_t) -> c_int => paths::lchown;
        fn fchownat(directory: c_int, path: *const c_char, user: uid_t, group: gid_t, flags: c_int) -> c_int
            => paths::fchownat;
        fn unlink(path: *const c_char) -> c_int => paths::unlink;
        fn unlinkat(directory: c_int, path: *const c_char, flags: c_int) -> c_int => paths::unlinkat;
        fn mkdir(path: *const c_char, mode: mode_t) -> c_int => changes::mkdir;
        fn mkdirat(directory: c_int, path: *const c_char, mode: mode_t) -> c_int => changes::mkdirat;
        fn mkfifo(path: *const c_char, mode: mode_t) -> c_int => changes::mkfifo;
        fn mkfifoat(directory: c_int, path: *const c_char, mode: mode_t) -> c_int => changes::mkfifoat;
        fn mknod(path: *const c_char, mode: mode_t, device: dev_t) -> c_int => changes::mknod;
        fn mknodat(directory: c_int, path: *const c_char, mode: mode_t, device: dev_t) -> c_int => changes::mknodat;
        fn rmdir(path: *const c_char) -> c_int => changes::rmdir;
        fn remove(path: *const c_char) -> c_int => changes::remove;
        fn rename(from: *const c_char, to: *const c_char) -> c_int => changes::rename;
        fn renameat(directory: c_int, from: *const c_char, other: c_int, to: *const c_char) -> c_int => changes::renameat;
        fn renameat2(directory: c_int, from: *const c_char, other: c_int, to: *const c_char, flags: c_uint) -> c_int
            => changes::renameat2;
        fn link(from: *const c_char, to: *const c_char) -> c_int => changes::link;
        fn linkat(directory: c_int, from: *const c_char, other: c_int, to: *const c_char, flags: c_int) -> c_int
            => changes::linkat;
        fn symlink(target: *const c_char, path: *const c_char) -> c_int => changes::symlink;
        fn symlinkat(target: *const c_char, directory: c_int, path: *const c_char) -> c_int => changes::symlinkat;
        fn truncate(path: *const c_char, len: off_t) -> c_int => changes::truncate;
        fn truncate64(path: *const c_char, len: off_t) -> c_int => changes::truncate;
        fn utime(path: *const c_char, times: *const c_void) -> c_int => changes::utime;
        fn utimes(path: *const c_char, times: *const c_void) -> c_int => changes::utimes;
        fn lutimes(path: *const c_char, times: *const c_void) -> c_int => changes::lutimes;
        fn futimesat(directory: c_int, path: *const c_char, times: *const c_void) -> c_int => changes::futimesat;
        fn utimensat(directory: c_int, path: *const c_char, times: *const c_void, flags: c_int) -> c_int
            => changes::utimensat;
        fn mkstemp(template: *mut c_char) -> c_int => templates::mkstemp;
        fn mkstemp64(template: *mut c_char) -> c_int => templates::mkstemp;
        fn mkostemp(template: *mut c_char, flags: c_int) -> c_int => templates::mkostemp;
        fn mkostemp64(template: *mut c_char, flags: c_int) -> c_int => templates::mkostemp;
        fn mkstemps(template: *mut c_char, suffix_len: c_int) -> c_int => templates::mkstemps;
        fn mkstemps64(template: *mut c_char, suffix_len: c_int) -> c_int => templates::mkstemps;
        fn mkostemps(template: *mut c_char, suffix_len: c_int, flags: c_int) -> c_int => templates::mkostemps;
        fn mkostemps64(template: *mut c_char, suffix_len: c_int, flags: c_int) -> c_int => templates::mkostemps;
        fn mkdtemp(template: *mut c_char) -> *mut c_char => templates::mkdtemp;

        // The working directory, links, and names without them.
        fn chdir(path: *const c_char) -> c_int => places::chdir;
        fn chroot(path: *const c_char) -> c_int => places::chroot;
        fn getcwd(buffer: *mut c_char, size: size_t) -> *mut c_char => places::getcwd;
        fn __getcwd_chk(buffer: *mut c_char, size: size_t, actual: size_t) -> *mut c_char => places::getcwd_chk;
        fn get_current_dir_name() -> *mut c_char => places::get_current_dir_name;
        fn realpath(path: *const c_char, resolved: *mut c_char) -> *mut c_char => places::realpath;
        fn __realpath_chk(path: *const c_char, resolved: *mut c_char, size: size_t) -> *mut c_char => places::realpath_chk;
        fn canonicalize_file_name(path: *const c_char) -> *mut c_char => places::canonicalize_file_name;
        fn readlink(path: *const c_char, buffer: *mut c_char, len: size_t) -> ssize_t => places::readlink;
        fn readlinkat(directory: c_int, path: *const c_char, buffer: *mut c_char, len: size_t) -> ssize_t
            => places::readlinkat;
        fn __readlink_chk(path: *const c_char, buffer: *mut c_char, len: size_t, size: size_t) -> ssize_t
            => places::__readlink_chk;
        fn __readlinkat_chk(directory: c_int, path: *const c_char, buffer: *mut c_char, len: size_t, size: size_t)
            -> ssize_t => places::__readlinkat_chk;

        // Programs.
        fn execve(path: *const c_char, arguments: *const *mut c_char, environment: *const *mut c_char) -> c_int
            => programs::execve;
        fn execv(path: *const c_char, arguments: *const *mut c_char) -> c_int => programs::execv;
        fn execvp(file: *const c_char, arguments: *const *mut c_char) -> c_int => programs::execvp;
        fn execvpe(file: *const c_char, arguments: *const *mut c_char, environment: *const *mut c_char) -> c_int
            => programs::execvpe;
        fn posix_spawn_file_actions_addopen(
            actions: *mut c_void, fd: c_int, path: *const c_char, flags: c_int, mode: mode_t
        ) -> c_int => programs::spawn_open;
        fn posix_spawn_file_actions_addchdir_np(actions: *mut c_void, path: *const c_char) -> c_int
            => programs::spawn_chdir;
    } };
}

pub(crate) use interposed_functions_and_paths;
