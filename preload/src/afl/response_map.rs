//! Coverage map of a server without instrumentation: AFL++'s shared memory, which the preload fills.

use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

use super::response_feedback::ResponseTrait;
use super::shm_segments::{self, COVERAGE_SHM_VARIABLE};

/// Length of the map in bytes, as reported to AFL++. It is small: there are few traits, and AFL++ reads the whole map
/// after every execution.
const MAP_LEN_BYTES: usize = 8192;

/// The map, and the address of inputs, which an instrumented server has in its runtime.
#[derive(Debug)]
pub(crate) struct ResponseMap {
    map: AtomicPtr<u8>,
    len: usize,
    input: AtomicPtr<u32>,
}

impl ResponseMap {
    /// Finds the map. `None` if AFL++ has no map, or one in POSIX shared memory, which has a name instead of a number.
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

    /// Marks a trait in the map.
    pub(crate) fn mark(&self, seen: ResponseTrait) {
        // The first entry is marked in every iteration.
        let index = 1 + seen.hash() % (self.len as u64 - 1);
        // SAFETY: the index lies within the map, to which nothing else writes during an iteration.
        unsafe { self.map.load(Relaxed).add(index as usize).write(1) };
    }

    pub(super) fn bytes(&self) -> *mut [u8] {
        ptr::slice_from_raw_parts_mut(self.map.load(Relaxed), self.len)
    }

    /// Returns the variable that holds the map's address.
    pub(super) fn variable(&self) -> &AtomicPtr<u8> {
        &self.map
    }

    /// Sets the address of inputs.
    ///
    /// # Safety
    /// `shared` must point to memory that is never unmapped and holds an input: a length, then as many bytes.
    pub(super) unsafe fn set_input(&self, shared: *const u32) {
        self.input.store(shared.cast_mut(), Relaxed);
    }

    /// Returns the current input, at the address given to `set_input`: at most `limit` bytes.
    pub(super) fn input(&self, limit: usize) -> &[u8] {
        let shared = self.input.load(Relaxed);
        // SAFETY: `set_input` was called before the first iteration, and its caller guarantees the layout of the
        // memory. AFL++ writes to it only between iterations.
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
