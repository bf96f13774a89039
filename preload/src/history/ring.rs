//! Memory of a process's last inputs: a ring, in the format of a batch. The oldest inputs make room for new ones.
//!
//! One thread writes, the one that drives. The recorder reads when the process has ended. It takes nothing in the ring
//! for granted, because the server could write to it.

use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rustix::io::Errno;
use rustix::mm::{Advice, madvise, munmap};

use crate::sys::shared_pages;

/// Bytes of inputs that a process keeps, lengths included. It must exceed the longest input of AFL++.
const CAPACITY: usize = 4 << 20;

/// Bytes that are got from the kernel at a time.
const POPULATED: usize = 256 << 10;

/// Size that divides every page's.
const PAGE_BYTES: usize = 4096;

/// Bytes of a length (see `sockfuzz_protocol::batch`).
const LENGTH: usize = size_of::<u64>();

/// Inputs of one process.
#[repr(C)]
pub(super) struct Ring {
    /// Positions of the oldest kept input and of the next one: numbers of bytes written before.
    tail: AtomicU64,
    head: AtomicU64,
    /// Number of inputs that have made room for others.
    left_out: AtomicU64,
    bytes: UnsafeCell<[u8; CAPACITY]>,
}

// SAFETY: one thread of one process writes to the bytes; the recorder reads them when that process has ended.
unsafe impl Sync for Ring {}

/// Inputs of a process, copied from its ring.
pub(super) struct Kept {
    pub(super) left_out: u64,
    /// A batch.
    pub(super) inputs: Vec<u8>,
}

impl Ring {
    fn map() -> Result<&'static Self, Errno> {
        // SAFETY: the mapping has this length, is page-aligned and never removed while it is used, and zeroes are an
        // empty ring.
        Ok(unsafe { &*shared_pages::map_bytes(size_of::<Self>())?.cast::<Self>() })
    }

    /// Removes all inputs.
    fn clear(&self) {
        [&self.tail, &self.head, &self.left_out].into_iter().for_each(|position| position.store(0, Relaxed));
    }

    /// Adds an input, in the place of the oldest ones.
    pub(super) fn push(&self, input: &[u8]) {
        let needed = (LENGTH + input.len()) as u64;
        let (head, mut tail) = (self.head.load(Relaxed), self.tail.load(Relaxed));
        if needed > CAPACITY as u64 {
            return;
        }
        while (head + needed).wrapping_sub(tail) > CAPACITY as u64 {
            tail += (LENGTH as u64).saturating_add(self.length_at(tail)).min(head.wrapping_sub(tail).max(1));
            self.left_out.fetch_add(1, Relaxed);
        }
        self.tail.store(tail, Relaxed);
        self.populate(head, head + needed);
        self.write(head, &(input.len() as u64).to_le_bytes());
        self.write(head + LENGTH as u64, input);
        self.head.store(head + needed, Relaxed);
    }

    /// Gets the memory between two positions from the kernel, many pages at a time: a fault for each would cost more than
    /// the rest.
    fn populate(&self, from: u64, to: u64) {
        let first = from.div_ceil(POPULATED as u64);
        for chunk in (first..=to / POPULATED as u64).filter(|chunk| (*chunk as usize) < CAPACITY / POPULATED)
        {
            // SAFETY: the chunk lies in the ring. Bytes of the mapping that share its first page are not changed.
            unsafe {
                let start = self.bytes.get().cast::<u8>().add(chunk as usize * POPULATED);
                let page = start.map_addr(|address| address & !(PAGE_BYTES - 1));
                // Without this advice (before Linux 5.14), each page costs a fault.
                let _ = madvise(page.cast(), POPULATED, Advice::LinuxPopulateWrite);
            }
        }
    }

    fn length_at(&self, position: u64) -> u64 {
        let mut length = [0; LENGTH];
        self.read(position, &mut length);
        u64::from_le_bytes(length)
    }

    /// Returns the number of bytes that this process has got from the kernel.
    pub(super) fn resident_bytes(&self) -> u64 {
        self.head.load(Relaxed).saturating_add(POPULATED as u64).min(CAPACITY as u64)
    }

    /// Returns the kept inputs.
    pub(super) fn kept(&self) -> Kept {
        let tail = self.tail.load(Relaxed);
        let len = self.head.load(Relaxed).saturating_sub(tail).min(CAPACITY as u64);
        let mut inputs = vec![0; len as usize];
        self.read(tail, &mut inputs);
        Kept { left_out: self.left_out.load(Relaxed), inputs }
    }

    fn write(&self, position: u64, bytes: &[u8]) {
        let (first, rest) = self.split(position, bytes.len());
        let start = self.bytes.get().cast::<u8>();
        // SAFETY: `split` returns ranges of the ring that together have the length of `bytes`; only this thread uses them.
        unsafe {
            ptr::copy_nonoverlapping(bytes.as_ptr(), start.add(first), bytes.len() - rest);
            ptr::copy_nonoverlapping(bytes.as_ptr().add(bytes.len() - rest), start, rest);
        }
    }

    fn read(&self, position: u64, bytes: &mut [u8]) {
        let (first, rest) = self.split(position, bytes.len());
        let start = self.bytes.get().cast::<u8>();
        let before_end = bytes.len() - rest;
        // SAFETY: as in `write`; the recorder reads when the process that writes has ended.
        unsafe {
            ptr::copy_nonoverlapping(start.add(first), bytes.as_mut_ptr(), before_end);
            ptr::copy_nonoverlapping(start, bytes.as_mut_ptr().add(before_end), rest);
        }
    }

    /// Returns the offset of a position, and how many of the `len` bytes from there continue at the start. `len` must not
    /// exceed [`CAPACITY`].
    fn split(&self, position: u64, len: usize) -> (usize, usize) {
        let offset = (position % CAPACITY as u64) as usize;
        (offset, (offset + len).saturating_sub(CAPACITY))
    }
}

/// Rings of the two places of children.
pub(super) struct RingPair([&'static Ring; 2]);

impl RingPair {
    pub(super) fn map() -> Result<Self, Errno> {
        Ok(Self([Ring::map()?, Ring::map()?]))
    }

    pub(super) fn get(&self, place: usize) -> Option<&'static Ring> {
        self.0.get(place).copied()
    }

    /// Clears the ring of a place, and unmaps the others. To be called once in a process, which uses no other ring.
    pub(super) fn keep_only(&self, place: usize) -> &'static Ring {
        for other in (0..self.0.len()).filter(|&other| other != place) {
            // SAFETY: the mapping has this address and length, and this process does not use it any more.
            let _ = unsafe { munmap(ptr::from_ref(self.0[other]).cast_mut().cast(), size_of::<Ring>()) };
        }
        self.0[place].clear();
        self.0[place]
    }
}

#[cfg(test)]
mod tests {
    use sockfuzz_protocol::batch;

    use super::*;

    fn inputs(ring: &Ring) -> Vec<Vec<u8>> {
        batch::inputs(&ring.kept().inputs).map(<[u8]>::to_vec).collect()
    }

    #[test]
    fn the_last_inputs_are_kept_in_order() {
        let ring = Ring::map().expect("mapped");
        let input = |number: u8| vec![number; CAPACITY / 3];
        ring.push(b"");
        (0..3).for_each(|number| ring.push(&input(number)));
        assert_eq!(inputs(ring), [input(1), input(2)]);
        assert_eq!(ring.kept().left_out, 2);
        (3..9).for_each(|number| ring.push(&input(number)));
        assert_eq!(inputs(ring), [input(7), input(8)]);
        ring.clear();
        assert_eq!(inputs(ring), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn a_ring_with_nonsense_in_it_is_read_and_written() {
        let ring = Ring::map().expect("mapped");
        (0..5).for_each(|_| ring.push(&[0xff; CAPACITY / 4]));
        for (tail, head) in [(u64::MAX, 0), (0, u64::MAX / 2), (7, 7 + CAPACITY as u64)] {
            ring.tail.store(tail, Relaxed);
            ring.head.store(head, Relaxed);
            let _ = inputs(ring);
            ring.push(b"x");
        }
    }
}
