//! The coverage map of a server that is not instrumented: AFL++'s memory, attached and filled here.

use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

use super::response_feedback::ResponseTrait;
use super::shm_segments::{self, COVERAGE_SHM_VARIABLE};

/// Length that AFL++ is told, in bytes: there are not many traits, and AFL++ looks at the whole map
/// after every execution.
const MAP_LEN_BYTES: usize = 8192;

/// The map, and the place of inputs, which a runtime would have known.
#[derive(Debug)]
pub(crate) struct ResponseMap {
    map: AtomicPtr<u8>,
    len: usize,
    input: AtomicPtr<u32>,
}

impl ResponseMap {
    /// `None` where AFL++ has no map, or one that has a name (POSIX shared memory).
    pub(super) fn find() -> Option<Self> {
        let segment = shm_segments::named_by(COVERAGE_SHM_VARIABLE)?;
        // AFL_MAP_SIZE may have made it small.
        let len = segment.len().min(MAP_LEN_BYTES);
        Some(Self {
            map: AtomicPtr::new(segment.address().cast()),
            len,
            input: AtomicPtr::new(ptr::null_mut()),
        })
    }

    /// A trait was seen.
    pub(crate) fn mark(&self, seen: ResponseTrait) {
        // The first entry is marked in every iteration.
        let index = 1 + seen.hash() % (self.len as u64 - 1);
        // SAFETY: within the map, to which nobody else writes during an iteration.
        unsafe { self.map.load(Relaxed).add(index as usize).write(1) };
    }

    pub(super) fn bytes(&self) -> *mut [u8] {
        ptr::slice_from_raw_parts_mut(self.map.load(Relaxed), self.len)
    }

    /// Where the map's address stands.
    pub(super) fn variable(&self) -> &AtomicPtr<u8> {
        &self.map
    }

    /// Says where inputs are.
    ///
    /// # Safety
    /// `shared` is AFL++'s memory for inputs, mapped for good: a length, then as many bytes.
    pub(super) unsafe fn set_input(&self, shared: *const u32) {
        self.input.store(shared.cast_mut(), Relaxed);
    }

    /// The current input: what `set_input` was given, at most `limit` bytes.
    pub(super) fn input(&self, limit: usize) -> &[u8] {
        let shared = self.input.load(Relaxed);
        // SAFETY: set before the first iteration; AFL++ writes between iterations only.
        unsafe {
            let len = shared.read_volatile() as usize;
            slice::from_raw_parts(shared.add(1).cast(), len.min(limit))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trait_never_marks_the_first_entry() {
        for len in [64, MAP_LEN_BYTES] {
            let mut memory = vec![0_u8; len];
            let map = ResponseMap {
                map: AtomicPtr::new(memory.as_mut_ptr()),
                len,
                input: AtomicPtr::new(ptr::null_mut()),
            };
            (0..1000).for_each(|code| map.mark(ResponseTrait::Status { before: 200, code }));
            assert_eq!(memory[0], 0);
            assert!(memory.iter().filter(|&&entry| entry == 1).count() > len / 20);
        }
    }
}
