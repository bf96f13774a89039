//! Streams and directories that are opened by a path. (Descriptors are in [`crate::hooks::random`].)

use libc::{FILE, c_char, c_int, c_void};

use super::follow_paths;
use crate::sys::{real, relocation};

follow_paths! {
    [path] fn fopen(path: *const c_char, mode: *const c_char) -> *mut FILE;
    [path] fn freopen(path: *const c_char, mode: *const c_char, stream: *mut FILE) -> *mut FILE;
    [path] fn opendir(path: *const c_char) -> *mut c_void;
    [path] fn scandir(path: *const c_char, entries: *mut c_void, filter: *mut c_void, compare: *mut c_void) -> c_int;
    [path] fn scandirat(
        directory: c_int, path: *const c_char, entries: *mut c_void, filter: *mut c_void, compare: *mut c_void
    ) -> c_int;
    [path] fn inotify_add_watch(inotify: c_int, path: *const c_char, events: u32) -> c_int;
}
