//! Where programs get their randomness from: getrandom(2), getentropy(3), arc4random(3), and the
//! files /dev/urandom and /dev/random, which are opened for real, but read here.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};

use libc::{mode_t, size_t, ssize_t};
use rustix::io::Errno;

use super::arguments;
use crate::determinism::{hash_keys, randomness};
use crate::sys::fd_table::{self, FdKind};
use crate::sys::{errno, real, user_memory};

/// Flags of getrandom(2), and those that do not go together.
const KNOWN_FLAGS: c_uint = libc::GRND_NONBLOCK | EXCLUSIVE_FLAGS;
const EXCLUSIVE_FLAGS: c_uint = libc::GRND_RANDOM | libc::GRND_INSECURE;

/// Most that one call of getentropy(3) gives, in bytes.
const MAX_ENTROPY_BYTES: size_t = 256;

pub(crate) unsafe fn getrandom(buffer: *mut c_void, len: size_t, flags: c_uint) -> ssize_t {
    hash_keys::follow_draw(len, flags);
    if !randomness::is_fixed() {
        // SAFETY: the server's own call.
        return unsafe { real::getrandom(buffer, len, flags) };
    }
    if flags & !KNOWN_FLAGS != 0 || flags & EXCLUSIVE_FLAGS == EXCLUSIVE_FLAGS {
        return errno::fail_size(Errno::INVAL);
    }
    let len = len.min(arguments::MAX_TRANSFER_BYTES);
    // SAFETY: the server's own buffer.
    unsafe { draw(buffer, len) }
}

pub(crate) unsafe fn getentropy(buffer: *mut c_void, len: size_t) -> c_int {
    if !randomness::is_fixed() {
        // SAFETY: the server's own call.
        return unsafe { real::getentropy(buffer, len) };
    }
    if len > MAX_ENTROPY_BYTES {
        return errno::fail(Errno::IO);
    }
    // SAFETY: the server's own buffer.
    if unsafe { draw(buffer, len) } < 0 { -1 } else { 0 }
}

pub(crate) unsafe fn arc4random() -> u32 {
    if !randomness::is_fixed() {
        // SAFETY: the server's own call.
        return unsafe { real::arc4random() };
    }
    number()
}

pub(crate) unsafe fn arc4random_buf(buffer: *mut c_void, len: size_t) {
    if !randomness::is_fixed() {
        // SAFETY: the server's own call.
        return unsafe { real::arc4random_buf(buffer, len) };
    }
    // SAFETY: the server's own buffer; a bad one is the same to libc.
    unsafe {
        if draw(buffer, len) < 0 {
            real::arc4random_buf(buffer, len);
        }
    }
}

pub(crate) unsafe fn arc4random_uniform(bound: u32) -> u32 {
    if !randomness::is_fixed() {
        // SAFETY: the server's own call.
        return unsafe { real::arc4random_uniform(bound) };
    }
    // Below the bound, which is all that a server can tell from one number.
    number().checked_rem(bound).unwrap_or(0)
}

/// open(2) is variadic; the mode, if any, travels in a register like this one.
pub(crate) unsafe fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    fd_table::release_reserved_from(0);
    // SAFETY: the server's own call.
    unsafe { follow(path, real::open(path, flags, mode)) }
}

pub(crate) unsafe fn openat(directory: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    fd_table::release_reserved_from(0);
    // SAFETY: the server's own call.
    unsafe { follow(path, real::openat(directory, path, flags, mode)) }
}

/// The fortified name, for a call without a mode.
pub(crate) unsafe fn open_2(path: *const c_char, flags: c_int) -> c_int {
    fd_table::release_reserved_from(0);
    // SAFETY: the server's own call.
    unsafe { follow(path, real::__open_2(path, flags)) }
}

/// read(2) of one of the files.
///
/// # Safety
/// Nothing of Rust's is in the buffer.
pub(super) unsafe fn draw(buffer: *mut c_void, len: size_t) -> ssize_t {
    if !user_memory::is_writable(buffer, len) {
        return errno::fail_size(Errno::FAULT);
    }
    if len > 0 {
        // SAFETY: the bytes are writable, and nobody else's by the caller's word; any bytes are valid ones.
        randomness::fill(unsafe { std::slice::from_raw_parts_mut(buffer.cast::<u8>(), len) });
    }
    len as ssize_t
}

fn number() -> u32 {
    let mut bytes = [0; size_of::<u32>()];
    randomness::fill(&mut bytes);
    u32::from_ne_bytes(bytes)
}

/// Remembers a descriptor of one of the files.
///
/// # Safety
/// `path` is null or a path.
unsafe fn follow(path: *const c_char, opened: c_int) -> c_int {
    if opened >= 0 && randomness::is_fixed() {
        // SAFETY: given by the caller, and the kernel has read it.
        let path = unsafe { CStr::from_ptr(path) };
        if matches!(path.to_bytes(), b"/dev/urandom" | b"/dev/random") {
            fd_table::set(opened, FdKind::Random);
        }
    }
    opened
}
