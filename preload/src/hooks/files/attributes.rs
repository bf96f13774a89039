//! Attributes of files and file systems.

use libc::{c_char, c_int, c_long, c_uint, c_void, key_t, size_t, ssize_t};

use super::follow_paths;
use crate::sys::{real, relocation};

follow_paths! {
    [path] fn stat(path: *const c_char, status: *mut c_void) -> c_int;
    [path] fn lstat(path: *const c_char, status: *mut c_void) -> c_int;
    [path] fn fstatat(directory: c_int, path: *const c_char, status: *mut c_void, flags: c_int) -> c_int;
    [path] fn __xstat(version: c_int, path: *const c_char, status: *mut c_void) -> c_int;
    [path] fn __lxstat(version: c_int, path: *const c_char, status: *mut c_void) -> c_int;
    [path] fn __fxstatat(
        version: c_int, directory: c_int, path: *const c_char, status: *mut c_void, flags: c_int
    ) -> c_int;
    [path] fn statx(
        directory: c_int, path: *const c_char, flags: c_int, wanted: c_uint, status: *mut c_void
    ) -> c_int;
    [path] fn statfs(path: *const c_char, status: *mut c_void) -> c_int;
    [path] fn statvfs(path: *const c_char, status: *mut c_void) -> c_int;
    [path] fn pathconf(path: *const c_char, name: c_int) -> c_long;
    [path] fn ftok(path: *const c_char, project: c_int) -> key_t;

    [path] fn access(path: *const c_char, mode: c_int) -> c_int;
    [path] fn faccessat(directory: c_int, path: *const c_char, mode: c_int, flags: c_int) -> c_int;
    [path] fn euidaccess(path: *const c_char, mode: c_int) -> c_int;

    [path] fn getxattr(path: *const c_char, name: *const c_char, value: *mut c_void, size: size_t) -> ssize_t;
    [path] fn lgetxattr(path: *const c_char, name: *const c_char, value: *mut c_void, size: size_t) -> ssize_t;
    [path] fn listxattr(path: *const c_char, names: *mut c_char, size: size_t) -> ssize_t;
    [path] fn llistxattr(path: *const c_char, names: *mut c_char, size: size_t) -> ssize_t;
    [path] fn setxattr(
        path: *const c_char, name: *const c_char, value: *const c_void, size: size_t, flags: c_int
    ) -> c_int;
    [path] fn lsetxattr(
        path: *const c_char, name: *const c_char, value: *const c_void, size: size_t, flags: c_int
    ) -> c_int;
    [path] fn removexattr(path: *const c_char, name: *const c_char) -> c_int;
    [path] fn lremovexattr(path: *const c_char, name: *const c_char) -> c_int;
}
