//! The working directory, the root directory, symbolic links, and names without them.

use std::ffi::CStr;
use std::ptr;

use libc::{c_char, c_int, size_t, ssize_t};
use rustix::io::Errno;

use super::follow_paths;
use crate::sys::relocation::{self, ActiveRelocations, CallResult, PATH_BYTES, PathBuffer};
use crate::sys::{errno, real, user_memory};

follow_paths! {
    [path] fn chdir(path: *const c_char) -> c_int;
    [path] fn readlink(path: *const c_char, buffer: *mut c_char, len: size_t) -> ssize_t;
    [path] fn readlinkat(directory: c_int, path: *const c_char, buffer: *mut c_char, len: size_t) -> ssize_t;
    [path] fn __readlink_chk(path: *const c_char, buffer: *mut c_char, len: size_t, size: size_t) -> ssize_t;
    [path] fn __readlinkat_chk(
        directory: c_int, path: *const c_char, buffer: *mut c_char, len: size_t, size: size_t
    ) -> ssize_t;
}

/// chroot(2), after which the server's paths begin elsewhere, where the new ones do not exist.
pub(crate) unsafe fn chroot(path: *const c_char) -> c_int {
    // SAFETY: the caller upholds the contract of chroot(2), so nobody changes the path during the call.
    unsafe {
        let result = relocation::follow(path, |path| real::chroot(path));
        if result == 0 && CStr::from_ptr(path) != c"/" {
            relocation::end();
        }
        result
    }
}

pub(crate) unsafe fn getcwd(buffer: *mut c_char, size: size_t) -> *mut c_char {
    match relocation::active() {
        // SAFETY: the caller upholds the contract of getcwd(3); the arguments are unchanged.
        None => unsafe { real::getcwd(buffer, size) },
        // SAFETY: the buffer is the server's: no Rust reference points there. `real::getcwd` gets one of this size.
        Some(relocations) => unsafe {
            return_shown(relocations, buffer, size, |room| real::getcwd(room, PATH_BYTES))
        },
    }
}

/// Fortified variant of getcwd(3).
pub(crate) unsafe fn getcwd_chk(buffer: *mut c_char, size: size_t, actual: size_t) -> *mut c_char {
    // SAFETY: the caller upholds the contract of getcwd(3). The real function ends the process if the size is wrong.
    unsafe { if size > actual { real::__getcwd_chk(buffer, size, actual) } else { getcwd(buffer, size) } }
}

/// get_current_dir_name(3). With relocations, it does not take the directory from the environment.
pub(crate) unsafe fn get_current_dir_name() -> *mut c_char {
    match relocation::active() {
        // SAFETY: get_current_dir_name(3) has no precondition.
        None => unsafe { real::get_current_dir_name() },
        // SAFETY: getcwd(3) allocates the result for a null pointer.
        Some(_) => unsafe { getcwd(ptr::null_mut(), 0) },
    }
}

pub(crate) unsafe fn realpath(path: *const c_char, resolved: *mut c_char) -> *mut c_char {
    match relocation::active() {
        // SAFETY: the caller upholds the contract of realpath(3); the arguments are unchanged.
        None => unsafe { real::realpath(path, resolved) },
        // SAFETY: the caller upholds the contract of realpath(3), so nobody changes the path, and no Rust reference points
        // at `resolved`. `real::realpath` gets a buffer of the size that it needs.
        Some(relocations) => unsafe {
            let size = if resolved.is_null() { 0 } else { PATH_BYTES };
            return_shown(relocations, resolved, size, |room| {
                relocation::follow(path, |path| real::realpath(path, room))
            })
        },
    }
}

/// Fortified variant of realpath(3).
pub(crate) unsafe fn realpath_chk(path: *const c_char, resolved: *mut c_char, size: size_t) -> *mut c_char {
    // SAFETY: the caller upholds the contract of realpath(3). The real function ends the process if the size is wrong.
    unsafe {
        if size < PATH_BYTES { real::__realpath_chk(path, resolved, size) } else { realpath(path, resolved) }
    }
}

pub(crate) unsafe fn canonicalize_file_name(path: *const c_char) -> *mut c_char {
    // SAFETY: the caller upholds the contract of canonicalize_file_name(3), which is that of this call of realpath(3).
    unsafe { realpath(path, ptr::null_mut()) }
}

/// Returns the path that `call` writes into a buffer as the server knows it.
///
/// # Safety
/// No Rust reference points into `place`, where `size` bytes are the server's; or `place` is null.
#[cold]
#[inline(never)]
unsafe fn return_shown(
    relocations: &ActiveRelocations,
    place: *mut c_char,
    size: size_t,
    call: impl FnOnce(*mut c_char) -> *mut c_char,
) -> *mut c_char {
    let (mut room, mut shown) = (PathBuffer::new(), PathBuffer::new());
    let found = call(room.as_mut_ptr());
    if found.is_null() {
        return found;
    }
    // SAFETY: `call` has succeeded, so the path is in its buffer. `place` is as this function's contract says.
    let given = unsafe {
        relocations.translate_back(CStr::from_ptr(found), &mut shown).and_then(|path| give(path, place, size))
    };
    given.unwrap_or_else(|error| {
        errno::fail(error);
        CallResult::FAILED
    })
}

/// Copies a path to where getcwd(3) has it: `size` bytes at `place`, or memory of the server's heap if `place` is null.
///
/// # Safety
/// That of [`return_shown`].
unsafe fn give(path: &CStr, place: *mut c_char, size: size_t) -> Result<*mut c_char, Errno> {
    let bytes = path.to_bytes_with_nul();
    let room = if size == 0 && place.is_null() { bytes.len() } else { size };
    match room {
        0 => return Err(Errno::INVAL),
        room if room < bytes.len() => return Err(Errno::RANGE),
        _ => {}
    }
    // SAFETY: malloc(3) takes a number. The server frees the memory, as its call promises.
    let place = if place.is_null() { unsafe { libc::malloc(room) }.cast() } else { place };
    if place.is_null() {
        return Err(Errno::NOMEM);
    }
    // SAFETY: no Rust reference points there, by this function's contract.
    unsafe { user_memory::write_bytes(place.cast(), bytes) }.map(|()| place)
}
