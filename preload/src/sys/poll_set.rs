//! Entries of one poll(2), without the server's heap: a call may come from a signal handler, or while the heap's
//! lock is held.

use std::ops::{Deref, DerefMut};
use std::ptr::{self, NonNull};

use libc::pollfd;
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// Number of entries that need no mapping.
const INLINE: usize = 32;

/// Array of entries that grows up to a fixed capacity.
pub(crate) struct PollSet {
    inline: [pollfd; INLINE],
    /// Mapping that holds the entries if the capacity exceeds [`INLINE`].
    mapped: Option<NonNull<pollfd>>,
    room: usize,
    len: usize,
}

impl PollSet {
    /// Makes an empty set.
    ///
    /// # Errors
    /// Those of mmap(2).
    pub(crate) fn with_room(room: usize) -> Result<Self, Errno> {
        let mapped = if room > INLINE {
            // SAFETY: with a null address the kernel chooses one where nothing is mapped.
            let start = unsafe {
                mmap_anonymous(
                    ptr::null_mut(),
                    room * size_of::<pollfd>(),
                    ProtFlags::READ | ProtFlags::WRITE,
                    MapFlags::PRIVATE,
                )?
            };
            NonNull::new(start.cast())
        } else {
            None
        };
        let unused = pollfd { fd: -1, events: 0, revents: 0 };
        Ok(Self { inline: [unused; INLINE], mapped, room: room.max(INLINE), len: 0 })
    }

    pub(crate) fn extend(&mut self, entries: impl IntoIterator<Item = pollfd>) {
        for entry in entries {
            assert!(self.len < self.room, "there is room for every entry");
            self.len += 1;
            let last = self.len - 1;
            self[last] = entry;
        }
    }
}

impl Deref for PollSet {
    type Target = [pollfd];

    fn deref(&self) -> &[pollfd] {
        match self.mapped {
            // SAFETY: the mapping lives as long as `self` and has room for `len` entries, of which all zeroes is one.
            Some(mapped) => unsafe { std::slice::from_raw_parts(mapped.as_ptr(), self.len) },
            None => &self.inline[..self.len],
        }
    }
}

impl DerefMut for PollSet {
    fn deref_mut(&mut self) -> &mut [pollfd] {
        match self.mapped {
            // SAFETY: the mapping holds `len` valid entries, and `self` is borrowed mutably, so nothing else uses them.
            Some(mapped) => unsafe { std::slice::from_raw_parts_mut(mapped.as_ptr(), self.len) },
            None => &mut self.inline[..self.len],
        }
    }
}

impl Drop for PollSet {
    fn drop(&mut self) {
        if let Some(mapped) = self.mapped {
            // SAFETY: the memory was mapped with this length, and nothing borrows it any more.
            let _cannot_fail = unsafe { munmap(mapped.as_ptr().cast(), self.room * size_of::<pollfd>()) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_few_entries_and_many() {
        for count in [0, 1, INLINE, INLINE + 1, 5000] {
            let mut set = PollSet::with_room(count).expect("there is memory");
            set.extend((0..count).map(|number| pollfd { fd: number as i32, events: 1, revents: 0 }));
            assert!(set.iter().map(|entry| entry.fd).eq(0..count as i32));
        }
    }
}
