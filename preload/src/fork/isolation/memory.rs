//! Replacement of anonymous shared memory that the server made before the forkserver started:
//! scoreboards, counters, locks.
//!
//! `fork` does not copy it, so the next child would read the data that one child has written. Apache
//! httpd's scoreboard says that its threads live, so a second child would start none, and accept
//! nothing. So every child begins with a copy of its own, which only its later children share.

use std::ffi::c_void;
use std::fs;
use std::ptr;

use rustix::io::Errno;
use rustix::mm::{MapFlags, MremapFlags, ProtFlags, mmap_anonymous, mremap_fixed};

use crate::sys::{report, shared_pages};

/// Replaces this memory in a new child. Must be called by its only thread, before it writes there. Returns
/// whether no memory is left that other children can write to, such as a mapped file.
pub(super) fn isolate() -> bool {
    let mappings = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    mappings.lines().filter(|line| is_writable(line)).fold(true, |apart, line| {
        apart
            & match parse(line) {
                // Without room for a copy, the memory stays shared.
                Some(memory) => memory.replace().is_ok(),
                None => is_ours(line),
            }
    })
}

/// Whether the mapping is shared and writable.
fn is_writable(line: &str) -> bool {
    line.split_whitespace().nth(1) == Some("rw-s")
}

/// Whether the mapping belongs to AFL++ or to the preload.
fn is_ours(line: &str) -> bool {
    let holds =
        |address: usize| address_range(line).is_some_and(|(start, end)| (start..end).contains(&address));
    ["/SYSV", shared_pages::MAPPING_NAME].iter().any(|name| line.contains(name))
        || holds(ptr::from_ref(report::status()).addr())
}

fn address_range(line: &str) -> Option<(usize, usize)> {
    let (start, end) = line.split_whitespace().next()?.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    Some((address(start)?, address(end)?))
}

/// Address range of a shared mapping.
#[derive(Debug, PartialEq, Eq)]
struct SharedMapping {
    start: usize,
    len: usize,
}

impl SharedMapping {
    /// Puts a copy in its place.
    fn replace(&self) -> Result<(), Errno> {
        let place = ptr::with_exposed_provenance_mut::<c_void>(self.start);
        // SAFETY: both mappings have `len` bytes and do not overlap. The new one, with the same content,
        // replaces the old one in a single system call, while no other thread exists.
        unsafe {
            let access = ProtFlags::READ | ProtFlags::WRITE;
            let fresh = mmap_anonymous(ptr::null_mut(), self.len, access, MapFlags::SHARED)?;
            ptr::copy_nonoverlapping(place.cast_const().cast::<u8>(), fresh.cast(), self.len);
            mremap_fixed(fresh, self.len, self.len, MremapFlags::MAYMOVE, place)?;
        }
        Ok(())
    }
}

/// Parses a line of proc_pid_maps(5), where readable and writable anonymous shared memory has the
/// name of a deleted /dev/zero.
fn parse(line: &str) -> Option<SharedMapping> {
    let mut words = line.split_whitespace();
    words.next()?;
    let is_writable = words.next()? == "rw-s";
    let is_anonymous = words.nth(3)? == "/dev/zero" && words.next()? == "(deleted)";
    let (start, end) = address_range(line)?;
    (is_writable && is_anonymous).then_some(SharedMapping { start, len: end - start })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_anonymous_shared_memory_is_copied() {
        let expected = SharedMapping { start: 0x7f00_0000_0000, len: 0x2000 };
        let line = "7f0000000000-7f0000002000 rw-s 00000000 00:01 1040      /dev/zero (deleted)";
        assert_eq!(parse(line), Some(expected));
        assert_eq!(parse("7f0000000000-7f0000002000 rw-s 00000000 00:01 7  /SYSV00000000 (deleted)"), None);
        assert_eq!(parse("7f0000000000-7f0000002000 rw-p 00000000 00:00 0 "), None);
    }

    #[test]
    fn a_copy_keeps_content_and_address() {
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: only this test uses the mapping, which has 4096 bytes.
        unsafe {
            let place = mmap_anonymous(ptr::null_mut(), 4096, access, MapFlags::SHARED).expect("mapped");
            place.cast::<u8>().write(7);
            let memory = SharedMapping { start: place.expose_provenance(), len: 4096 };
            memory.replace().expect("replaced");
            assert_eq!(place.cast::<u8>().read(), 7);
            rustix::mm::munmap(place, 4096).expect("unmapped");
        }
    }
}
