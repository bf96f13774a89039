//! Addresses of UNIX-domain sockets: paths of files, too (unix(7)).

use std::ffi::{CStr, c_char};
use std::{mem, ptr};

use libc::{c_int, sockaddr, sockaddr_un, socklen_t};
use rustix::io::Errno;

use crate::hooks::arguments;
use crate::sys::{errno, relocation};

/// Maximum length of a path in an address; its NUL may be missing.
const MAX_PATH_BYTES: usize = size_of::<sockaddr_un>() - PATH_OFFSET;
const PATH_OFFSET: usize = mem::offset_of!(sockaddr_un, sun_path);

/// Performs `call` with the address at which the socket is that the server names by this address. A path that does not
/// fit into an address fails with `NAMETOOLONG`.
pub(in crate::hooks) fn follow_address(
    address: *const sockaddr,
    len: socklen_t,
    call: impl FnOnce(*const sockaddr, socklen_t) -> c_int,
) -> c_int {
    match relocation::active().and_then(|_| path_of(address, len)) {
        Some(path) => follow_path(&path, |moved, moved_len| match moved.is_null() {
            true => call(address, len),
            false => call(moved, moved_len),
        }),
        None => call(address, len),
    }
}

/// Returns the path in an address with a NUL; `None` if there is none.
fn path_of(address: *const sockaddr, len: socklen_t) -> Option<[u8; MAX_PATH_BYTES + 1]> {
    arguments::address(address, len).ok()?;
    let path_len = (len as usize).checked_sub(PATH_OFFSET)?.min(MAX_PATH_BYTES);
    // SAFETY: `len` bytes are readable, of which the family is the first part, and the path the rest. They are the
    // server's, so the buffer is not among them.
    unsafe {
        let mut path = [0; MAX_PATH_BYTES + 1];
        ptr::copy_nonoverlapping(address.cast::<u8>().add(PATH_OFFSET), path.as_mut_ptr(), path_len);
        let family = address.cast::<libc::sa_family_t>().read_unaligned();
        (c_int::from(family) == libc::AF_UNIX).then_some(path)
    }
}

/// Performs `call` with the address for a path; with null if the path stays as it is.
fn follow_path(
    path: &[u8; MAX_PATH_BYTES + 1],
    call: impl FnOnce(*const sockaddr, socklen_t) -> c_int,
) -> c_int {
    let path: *const c_char = path.as_ptr().cast();
    let with_place = |place: *const c_char| {
        if ptr::eq(place, path) {
            return call(ptr::null(), 0);
        }
        // SAFETY: `follow` passes a string. All zeroes are a valid `sockaddr_un`.
        let (bytes, mut moved) = unsafe { (CStr::from_ptr(place).to_bytes(), mem::zeroed::<sockaddr_un>()) };
        if bytes.len() >= MAX_PATH_BYTES {
            return errno::fail(Errno::NAMETOOLONG);
        }
        moved.sun_family = libc::AF_UNIX as libc::sa_family_t;
        moved.sun_path.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from as c_char);
        call((&raw const moved).cast(), (PATH_OFFSET + bytes.len() + 1) as socklen_t)
    };
    // SAFETY: nothing changes the string, which is borrowed.
    unsafe { relocation::follow(path, with_place) }
}
