//! Sources of randomness: getrandom(2), getentropy(3), arc4random(3), and the files /dev/urandom and
//! /dev/random, which are opened for real, but read here.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};

use libc::{mode_t, size_t, ssize_t};
use rustix::io::Errno;

use super::arguments;
use crate::determinism::{hash_keys, randomness};
use crate::sys::fd_table::{self, FdKind};
use crate::sys::{errno, own_work, real, relocation, user_memory};

/// Flags of getrandom(2), and those that exclude each other.
const KNOWN_FLAGS: c_uint = libc::GRND_NONBLOCK | EXCLUSIVE_FLAGS;
const EXCLUSIVE_FLAGS: c_uint = libc::GRND_RANDOM | libc::GRND_INSECURE;

/// Maximum number of bytes that one call of getentropy(3) gives.
const MAX_ENTROPY_BYTES: size_t = 256;

pub(crate) unsafe fn getrandom(buffer: *mut c_void, len: size_t, flags: c_uint) -> ssize_t {
    // Maps of the libraries that the preload uses draw keys, too.
    let is_own = own_work::is_current();
    if !is_own {
        hash_keys::follow_draw(len, flags);
    }
    if is_own || !randomness::is_fixed() {
        // SAFETY: the caller upholds the contract of getrandom(2); the arguments are unchanged.
        return unsafe { real::getrandom(buffer, len, flags) };
    }
    if flags & !KNOWN_FLAGS != 0 || flags & EXCLUSIVE_FLAGS == EXCLUSIVE_FLAGS {
        return errno::fail_size(Errno::INVAL);
    }
    let len = len.min(arguments::MAX_TRANSFER_BYTES);
    // SAFETY: the buffer is the server's: no Rust reference points there.
    unsafe { draw(buffer, len) }
}

pub(crate) unsafe fn getentropy(buffer: *mut c_void, len: size_t) -> c_int {
    if !randomness::is_fixed() {
        // SAFETY: the caller upholds the contract of getentropy(3); the arguments are unchanged.
        return unsafe { real::getentropy(buffer, len) };
    }
    if len > MAX_ENTROPY_BYTES {
        return errno::fail(Errno::IO);
    }
    // SAFETY: the buffer is the server's: no Rust reference points there.
    if unsafe { draw(buffer, len) } < 0 { -1 } else { 0 }
}

pub(crate) unsafe fn arc4random() -> u32 {
    if !randomness::is_fixed() {
        // SAFETY: arc4random(3) has no precondition.
        return unsafe { real::arc4random() };
    }
    number()
}

pub(crate) unsafe fn arc4random_buf(buffer: *mut c_void, len: size_t) {
    if !randomness::is_fixed() {
        // SAFETY: the caller upholds the contract of arc4random_buf(3); the arguments are unchanged.
        return unsafe { real::arc4random_buf(buffer, len) };
    }
    // SAFETY: the buffer is the server's: no Rust reference points there. libc's function gets a bad one, as it would
    // without this hook.
    unsafe {
        if draw(buffer, len) < 0 {
            real::arc4random_buf(buffer, len);
        }
    }
}

pub(crate) unsafe fn arc4random_uniform(bound: u32) -> u32 {
    if !randomness::is_fixed() {
        // SAFETY: arc4random_uniform(3) takes a number and has no precondition.
        return unsafe { real::arc4random_uniform(bound) };
    }
    // The number is below the bound; a server can observe no more of it.
    number().checked_rem(bound).unwrap_or(0)
}

/// open(2) is variadic; the mode, if any, is passed in a register like this one.
pub(crate) unsafe fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    fd_table::release_reserved_from(0);
    // SAFETY: the caller upholds the contract of open(2), so `path` is a path if it can be opened.
    unsafe { follow(path, relocation::follow(path, |place| real::open(place, flags, mode))) }
}

pub(crate) unsafe fn openat(directory: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    fd_table::release_reserved_from(0);
    // SAFETY: the caller upholds the contract of openat(2), so `path` is a path if it can be opened.
    unsafe { follow(path, relocation::follow(path, |place| real::openat(directory, place, flags, mode))) }
}

/// Fortified variant of open(2), for a call without a mode.
pub(crate) unsafe fn open_2(path: *const c_char, flags: c_int) -> c_int {
    fd_table::release_reserved_from(0);
    // SAFETY: the caller upholds the contract of open(2), so `path` is a path if it can be opened.
    unsafe { follow(path, relocation::follow(path, |place| real::__open_2(place, flags))) }
}

/// Fortified variant of openat(2), for a call without a mode.
pub(crate) unsafe fn openat_2(directory: c_int, path: *const c_char, flags: c_int) -> c_int {
    fd_table::release_reserved_from(0);
    // SAFETY: the caller upholds the contract of openat(2), so `path` is a path if it can be opened.
    unsafe { follow(path, relocation::follow(path, |place| real::__openat_2(directory, place, flags))) }
}

/// creat(2), which opens for writing.
pub(crate) unsafe fn creat(path: *const c_char, mode: mode_t) -> c_int {
    // SAFETY: the caller upholds the contract of creat(2), which is that of this call of open(2).
    unsafe { open(path, libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC, mode) }
}

/// Performs read(2) on one of the files.
///
/// # Safety
/// No Rust reference points into the buffer.
pub(super) unsafe fn draw(buffer: *mut c_void, len: size_t) -> ssize_t {
    if !user_memory::is_writable(buffer, len) {
        return errno::fail_size(Errno::FAULT);
    }
    if len > 0 {
        // SAFETY: the bytes are writable, and no Rust reference points there, by this function's contract.
        randomness::fill(unsafe { std::slice::from_raw_parts_mut(buffer.cast::<u8>(), len) });
    }
    len as ssize_t
}

fn number() -> u32 {
    let mut bytes = [0; size_of::<u32>()];
    randomness::fill(&mut bytes);
    u32::from_ne_bytes(bytes)
}

/// Records a descriptor of one of the files.
///
/// # Safety
/// `path` is a path, or `opened` is negative.
unsafe fn follow(path: *const c_char, opened: c_int) -> c_int {
    if opened >= 0 && randomness::is_fixed() {
        // SAFETY: the kernel has opened the file, so `path` is a path, by this function's contract.
        let path = unsafe { CStr::from_ptr(path) };
        if matches!(path.to_bytes(), b"/dev/urandom" | b"/dev/random") {
            fd_table::set(opened, FdKind::Random);
        }
    }
    opened
}
