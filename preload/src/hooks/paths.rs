//! chmod(2), chown(2), unlink(2) and their variants, which do nothing on the path of a taken-over UNIX-domain
//! listener: its takeover creates no file, and a file that exists there is not the server's.

use libc::{c_char, c_int, gid_t, mode_t, sockaddr_un, uid_t};

use crate::net::bound_sockets;
use crate::sys::{real, relocation, user_memory};

pub(crate) unsafe fn chmod(path: *const c_char, mode: mode_t) -> c_int {
    // SAFETY: the caller upholds the contract of chmod(2), so nobody changes the path during the call.
    unsafe { if is_ours(path) { 0 } else { relocation::follow(path, |path| real::chmod(path, mode)) } }
}

pub(crate) unsafe fn fchmodat(directory: c_int, path: *const c_char, mode: mode_t, flags: c_int) -> c_int {
    // SAFETY: the caller upholds the contract of fchmodat(2), so nobody changes the path during the call.
    unsafe {
        if is_ours(path) {
            0
        } else {
            relocation::follow(path, |path| real::fchmodat(directory, path, mode, flags))
        }
    }
}

pub(crate) unsafe fn chown(path: *const c_char, user: uid_t, group: gid_t) -> c_int {
    // SAFETY: the caller upholds the contract of chown(2), so nobody changes the path during the call.
    unsafe { if is_ours(path) { 0 } else { relocation::follow(path, |path| real::chown(path, user, group)) } }
}

pub(crate) unsafe fn lchown(path: *const c_char, user: uid_t, group: gid_t) -> c_int {
    // SAFETY: the caller upholds the contract of lchown(2), so nobody changes the path during the call.
    unsafe {
        if is_ours(path) { 0 } else { relocation::follow(path, |path| real::lchown(path, user, group)) }
    }
}

pub(crate) unsafe fn fchownat(
    directory: c_int,
    path: *const c_char,
    user: uid_t,
    group: gid_t,
    flags: c_int,
) -> c_int {
    // SAFETY: the caller upholds the contract of fchownat(2), so nobody changes the path during the call.
    unsafe {
        if is_ours(path) {
            0
        } else {
            relocation::follow(path, |path| real::fchownat(directory, path, user, group, flags))
        }
    }
}

pub(crate) unsafe fn unlink(path: *const c_char) -> c_int {
    // SAFETY: the caller upholds the contract of unlink(2), so nobody changes the path during the call.
    unsafe { if is_ours(path) { 0 } else { relocation::follow(path, |path| real::unlink(path)) } }
}

pub(crate) unsafe fn unlinkat(directory: c_int, path: *const c_char, flags: c_int) -> c_int {
    // SAFETY: the caller upholds the contract of unlinkat(2), so nobody changes the path during the call.
    unsafe {
        if is_ours(path) {
            0
        } else {
            relocation::follow(path, |path| real::unlinkat(directory, path, flags))
        }
    }
}

/// # Safety
/// Nobody changes the path during the call.
unsafe fn is_ours(path: *const c_char) -> bool {
    // SAFETY: nobody changes the string while it is borrowed, by this function's contract.
    unsafe { user_memory::string(path, size_of::<sockaddr_un>()) }.is_some_and(bound_sockets::is_bound_path)
}
