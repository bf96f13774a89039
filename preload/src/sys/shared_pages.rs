//! Memory that all processes which are forked later share: the server, the forkserver, all its children.
//!
//! Its mappings have a name. Anonymous shared memory is treated as the server's, of which every child of the
//! forkserver gets a copy (`fork/isolation/memory.rs`).

use std::ffi::c_void;
use std::ptr;

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags, mmap};

/// Name of the mappings in proc_pid_maps(5).
pub(crate) const MAPPING_NAME: &str = "/memfd:sockfuzz";

/// Type for which all zero bytes is a valid value, and that processes may share.
///
/// # Safety
/// All zeroes is a valid value; it holds no pointers and is changed by atomic operations only.
pub(crate) unsafe trait Shareable: Sync {}

/// Maps a zeroed value; the mapping is never removed.
///
/// # Errors
/// Those of memfd_create(2), ftruncate(2) and mmap(2).
pub(crate) fn map<T: Shareable>() -> Result<&'static T, Errno> {
    // SAFETY: the mapping is large enough, page-aligned and never removed, and zeroes are a valid `T` by its contract.
    Ok(unsafe { &*map_bytes(size_of::<T>())?.cast::<T>() })
}

/// Maps `len` zero bytes; the mapping is never removed.
///
/// # Errors
/// Those of [`map`].
pub(crate) fn map_bytes(len: usize) -> Result<*mut c_void, Errno> {
    let file = memfd_create(c"sockfuzz", MemfdFlags::CLOEXEC)?;
    ftruncate(&file, len as u64)?;
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: with a null address the kernel chooses one where nothing is mapped.
    unsafe { mmap(ptr::null_mut(), len, access, MapFlags::SHARED, &file, 0) }
}
