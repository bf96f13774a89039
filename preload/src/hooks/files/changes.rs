//! Changes of directories, and of what files are. (Modes, owners and unlink(2) are in [`crate::hooks::paths`].)

use libc::{c_char, c_int, c_uint, c_void, dev_t, mode_t, off_t};

use super::follow_paths;
use crate::sys::{real, relocation};

follow_paths! {
    [path] fn mkdir(path: *const c_char, mode: mode_t) -> c_int;
    [path] fn mkdirat(directory: c_int, path: *const c_char, mode: mode_t) -> c_int;
    [path] fn mkfifo(path: *const c_char, mode: mode_t) -> c_int;
    [path] fn mkfifoat(directory: c_int, path: *const c_char, mode: mode_t) -> c_int;
    [path] fn mknod(path: *const c_char, mode: mode_t, device: dev_t) -> c_int;
    [path] fn mknodat(directory: c_int, path: *const c_char, mode: mode_t, device: dev_t) -> c_int;
    [path] fn rmdir(path: *const c_char) -> c_int;
    [path] fn remove(path: *const c_char) -> c_int;

    [from, to] fn rename(from: *const c_char, to: *const c_char) -> c_int;
    [from, to] fn renameat(
        directory: c_int, from: *const c_char, other: c_int, to: *const c_char
    ) -> c_int;
    [from, to] fn renameat2(
        directory: c_int, from: *const c_char, other: c_int, to: *const c_char, flags: c_uint
    ) -> c_int;
    [from, to] fn link(from: *const c_char, to: *const c_char) -> c_int;
    [from, to] fn linkat(
        directory: c_int, from: *const c_char, other: c_int, to: *const c_char, flags: c_int
    ) -> c_int;
    /// The target is text, which a later call may read.
    [path] fn symlink(target: *const c_char, path: *const c_char) -> c_int;
    [path] fn symlinkat(target: *const c_char, directory: c_int, path: *const c_char) -> c_int;

    [path] fn truncate(path: *const c_char, len: off_t) -> c_int;
    [path] fn utime(path: *const c_char, times: *const c_void) -> c_int;
    [path] fn utimes(path: *const c_char, times: *const c_void) -> c_int;
    [path] fn lutimes(path: *const c_char, times: *const c_void) -> c_int;
    [path] fn futimesat(directory: c_int, path: *const c_char, times: *const c_void) -> c_int;
    [path] fn utimensat(directory: c_int, path: *const c_char, times: *const c_void, flags: c_int) -> c_int;
}
