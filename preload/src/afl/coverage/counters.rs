//! Counters: the memory that the server's instrumentation increments. It is not AFL++'s map, which only gets the counts
//! of an iteration, when that is over. So AFL++ has no coverage of the server's start and warm-up, of background threads
//! between two inputs, or of a waiting spare.
//!
//! Each child of the forkserver has counters of its own, all at the same address. The forkserver has them mapped, too:
//! it delivers the counts of a child that has died. (The copy of a process that crashes would be lost, and AFL++ does
//! not keep a crash without coverage.)
//!
//! The address is below 2 GiB, so that an instruction can name a counter (Intel SDM, volume 2, section 2.2.1.3: 32 bits of
//! displacement).

use std::ptr::{self, NonNull};
use std::slice;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

use rustix::io::Errno;
use rustix::mm::{MapFlags, MremapFlags, ProtFlags, mmap_anonymous, mremap_fixed};

use super::blocks::{self, TouchedBlocks};
use crate::sys::{report, shared_pages};

/// Children of the forkserver that live at the same time.
pub(crate) const PLACES: usize = 2;

/// Addresses that are tried: far from where the kernel puts executables with a fixed address and their heaps.
const ADDRESSES: [usize; 4] = [0x6000_0000, 0x5000_0000, 0x4000_0000, 0x3000_0000];

/// Counters of this process and its siblings.
#[derive(Debug)]
struct Counters {
    /// Where the instrumentation of this process finds them.
    address: NonNull<u8>,
    /// Length of the mappings in bytes.
    len: usize,
    /// The same memory, for each child.
    places: [NonNull<u8>; PLACES],
    /// AFL++'s map.
    map: NonNull<u8>,
}

// SAFETY: the pointers are to mappings that are never removed, and not tied to a thread.
unsafe impl Send for Counters {}
// SAFETY: only the driver thread uses the memory, while the server is idle, or the forkserver, when the child has died.
unsafe impl Sync for Counters {}

static COUNTERS: OnceLock<Counters> = OnceLock::new();

/// Gives the instrumentation counters of its own instead of AFL++'s map, to which these variables point. To be called
/// before the forkserver forks. `len` is the number of bytes that the instrumentation may write to.
pub(crate) fn build<'a>(variables: impl Iterator<Item = &'a AtomicPtr<u8>> + Clone, len: usize) {
    let Some(map) = variables.clone().next().and_then(|variable| NonNull::new(variable.load(Relaxed))) else {
        return;
    };
    match Counters::map(map, len) {
        Ok(counters) => {
            variables.for_each(|variable| variable.store(counters.address.as_ptr(), Relaxed));
            let _ = COUNTERS.set(counters);
        }
        Err(error) => report::emit(format_args!(
            "memory for the server's counters cannot be mapped ({error}): going on without the coverage gate"
        )),
    }
}

/// Whether the instrumentation has counters of its own.
pub(crate) fn exist() -> bool {
    COUNTERS.get().is_some()
}

/// Returns their address, if an instruction can name it.
pub(crate) fn low_address() -> Option<u32> {
    let address = COUNTERS.get()?.address.addr().get();
    i32::try_from(address).ok().map(i32::cast_unsigned)
}

/// Returns AFL++'s map; `None` if the instrumentation increments it.
pub(crate) fn map() -> Option<*mut u8> {
    Some(COUNTERS.get()?.map.as_ptr())
}

/// In a child: takes the counters of this place.
pub(crate) fn enter(place: usize) {
    let Some(counters) = COUNTERS.get() else { return };
    // SAFETY: the range at `address` belongs to the counters, and no reference to it exists.
    if let Err(error) = unsafe { alias(counters.places[place], counters.len, counters.address) } {
        report::fatal(format_args!("the memory of the server's counters cannot be mapped: {error}"));
    }
}

/// Forgets what was counted outside of iterations.
pub(crate) fn discard(map_len: usize) {
    if let Some(counters) = COUNTERS.get() {
        // SAFETY: the server is idle, so nothing else uses the memory.
        blocks::empty(unsafe { counters.at(counters.address, map_len) });
    }
}

/// Moves the counts of this process to AFL++'s map, when an iteration is over. Returns `false` if that is not necessary.
pub(crate) fn deliver(map_len: usize, touched: &mut TouchedBlocks) -> bool {
    let counters = COUNTERS.get();
    counters.into_iter().for_each(|counters| counters.deliver(counters.address, map_len, touched));
    counters.is_some()
}

/// In the forkserver: moves the counts of a child that has died to AFL++'s map.
pub(crate) fn deliver_of(place: usize, map_len: usize) {
    if let Some(counters) = COUNTERS.get() {
        counters.deliver(counters.places[place], map_len, &mut TouchedBlocks::default());
    }
}

impl Counters {
    fn map(map: NonNull<u8>, len: usize) -> Result<Self, Errno> {
        let pages =
            || shared_pages::map_bytes(len).and_then(|start| NonNull::new(start.cast()).ok_or(Errno::NOMEM));
        let places = [pages()?, pages()?];
        let address = reserve(len)?;
        // SAFETY: the range at `address` has just been reserved.
        unsafe { alias(places[0], len, address) }?;
        Ok(Self { address, len, places, map })
    }

    fn deliver(&self, from: NonNull<u8>, map_len: usize, touched: &mut TouchedBlocks) {
        // SAFETY: the server is idle or dead, and AFL++ waits for the verdict, so nothing else uses the memory.
        let (counters, map) = unsafe { (self.at(from, map_len), self.at(self.map, map_len)) };
        // AFL++'s mark of an instrumented server is a count, too: the search for new coverage must see its block.
        counters[0] = 1;
        touched.transfer(counters, map);
    }

    /// Returns a part of a map.
    ///
    /// # Safety
    /// `start` must be one of the fields of `self`, and nothing else may use its memory.
    #[expect(clippy::mut_from_ref, reason = "the memory is not a part of `self`")]
    unsafe fn at(&self, start: NonNull<u8>, map_len: usize) -> &mut [u8] {
        // SAFETY: the mappings are at least as long as the map that the instrumentation uses; the caller guarantees that
        // this is the only reference.
        unsafe { slice::from_raw_parts_mut(start.as_ptr(), map_len.min(self.len)) }
    }
}

/// Reserves a range of addresses, if possible a low one.
fn reserve(len: usize) -> Result<NonNull<u8>, Errno> {
    let map = |address: usize, flags| {
        let flags = flags | MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: nothing is mapped in the range, or else the kernel refuses it or chooses another one.
        unsafe { mmap_anonymous(ptr::without_provenance_mut(address), len, ProtFlags::empty(), flags) }
    };
    let low = ADDRESSES.iter().find_map(|&address| map(address, MapFlags::FIXED_NOREPLACE).ok());
    let found = low.map_or_else(|| map(0, MapFlags::empty()), Ok)?;
    NonNull::new(found.cast()).ok_or(Errno::NOMEM)
}

/// Maps shared memory a second time, in the place of what is mapped at `address` (mremap(2), old size 0).
///
/// # Safety
/// Nothing may use the memory at `address`.
unsafe fn alias(pages: NonNull<u8>, len: usize, address: NonNull<u8>) -> Result<(), Errno> {
    let flags = MremapFlags::MAYMOVE;
    // SAFETY: the caller guarantees that the memory at `address` is unused; the old mapping stays as it is.
    unsafe { mremap_fixed(pages.as_ptr().cast(), 0, len, flags, address.as_ptr().cast()) }.map(|_| ())
}
