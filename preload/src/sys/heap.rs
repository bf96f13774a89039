//! Heap of the preload, so that its own allocations do not use the server's malloc(3).
//!
//! A signal handler of the server may call a hook in the middle of malloc(3), or of another hook. A fork may copy
//! memory while other threads change it. This heap is always consistent: free blocks are in stacks, each of which
//! changes by one atomic operation. A block is lost if a handler leaves by siglongjmp(3), or another thread forks,
//! while the block is taken or returned.
//!
//! Blocks come from a static arena, whose unused pages take no memory. Only what is larger than any input is a mapping.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{
    AtomicBool, AtomicU32, AtomicU64, AtomicUsize,
    Ordering::{AcqRel, Acquire, Relaxed},
};

use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

use super::report;

/// Sizes of the blocks in the arena: powers of two. With a mapping for each long input or answer, iterations would spend their time
/// on page faults.
const MIN_BLOCK_BYTES: usize = 32;
const MAX_BLOCK_BYTES: usize = 128 << 10;
const BLOCK_SIZES: usize = (MAX_BLOCK_BYTES / MIN_BLOCK_BYTES).ilog2() as usize + 1;

const ARENA_BYTES: usize = 16 << 20;
/// Alignment of the arena, and the largest of a block.
const PAGE_BYTES: usize = 4096;

#[global_allocator]
static HEAP: Heap = Heap {
    arena: Arena(UnsafeCell::new([0; ARENA_BYTES])),
    used: AtomicUsize::new(0),
    free: [const { FreeStack(AtomicU64::new(0)) }; BLOCK_SIZES],
    below: [const { AtomicU32::new(0) }; ARENA_BYTES / MIN_BLOCK_BYTES],
};

struct Heap {
    arena: Arena,
    /// Bytes at the beginning of the arena that are, or have been, in blocks.
    used: AtomicUsize,
    /// Free blocks of each size.
    free: [FreeStack; BLOCK_SIZES],
    /// Number of the block below each free block in its stack.
    below: [AtomicU32; ARENA_BYTES / MIN_BLOCK_BYTES],
}

/// Memory of the blocks, aligned to a page: old versions of libc's loader grant no more.
#[repr(C, align(4096))]
struct Arena(UnsafeCell<[u8; ARENA_BYTES]>);

const _: () = assert!(align_of::<Arena>() == PAGE_BYTES);

// SAFETY: each block of the arena has one owner at a time, and only the owner uses it.
unsafe impl Sync for Arena {}

/// Stack of free blocks. The lower half is the number of the topmost block, 0 for none. The upper half counts changes,
/// so that an update fails if the topmost block was taken and returned in the meantime (ABA problem).
struct FreeStack(AtomicU64);

/// Number of a block: its offset in the arena in units of [`MIN_BLOCK_BYTES`], plus one.
type BlockNumber = u32;

impl FreeStack {
    fn push(&self, block: BlockNumber, below: &AtomicU32) {
        self.change(|top| {
            below.store(top, Relaxed);
            Some(block)
        });
    }

    fn pop(&self, below: impl Fn(BlockNumber) -> BlockNumber) -> Option<BlockNumber> {
        self.change(|top| (top != 0).then(|| below(top)))
    }

    /// Puts the block from `new_top` on top, and returns the former one. Changes nothing if `new_top` returns `None`.
    fn change(&self, new_top: impl Fn(BlockNumber) -> Option<BlockNumber>) -> Option<BlockNumber> {
        let new = |state: u64| {
            let changes = (state >> u32::BITS) as u32;
            let top = new_top(state as BlockNumber)?;
            Some(u64::from(changes.wrapping_add(1)) << u32::BITS | u64::from(top))
        };
        self.0.fetch_update(AcqRel, Acquire, new).ok().map(|state| state as BlockNumber)
    }
}

impl Heap {
    /// Takes a block of the arena; `None` if there is none.
    fn take_block(&self, size: usize) -> Option<*mut u8> {
        let index = size_index(size)?;
        let offset = self.pop(index).or_else(|| self.grow(size)).or_else(|| self.split(index))?;
        Some(self.start().wrapping_add(offset))
    }

    /// Takes a free block of the size with this index, and returns its offset.
    fn pop(&self, index: usize) -> Option<usize> {
        let block = self.free[index].pop(|block| self.below[block as usize - 1].load(Relaxed))?;
        Some((block as usize - 1) * MIN_BLOCK_BYTES)
    }

    fn push(&self, index: usize, offset: usize) {
        let place = offset / MIN_BLOCK_BYTES;
        self.free[index].push(place as BlockNumber + 1, &self.below[place]);
    }

    /// Splits a larger free block into halves until one has the size with this index, and returns the offset of that one. The
    /// other halves become free blocks. The start of the server often leaves large free blocks that nothing needs again.
    fn split(&self, index: usize) -> Option<usize> {
        let (larger, offset) =
            (index + 1..BLOCK_SIZES).find_map(|larger| Some((larger, self.pop(larger)?)))?;
        for half in index..larger {
            self.push(half, offset + (MIN_BLOCK_BYTES << half));
        }
        Some(offset)
    }

    /// Makes a new block in the arena, and returns its offset.
    fn grow(&self, size: usize) -> Option<usize> {
        let start = |used: usize| used.next_multiple_of(size.min(PAGE_BYTES));
        let end = |used: usize| Some(start(used) + size).filter(|&end| end <= ARENA_BYTES);
        self.used.fetch_update(Relaxed, Relaxed, end).ok().map(start)
    }

    /// Returns a block to its stack; `false` if it is not in the arena.
    fn return_block(&self, address: *mut u8, size: usize) -> bool {
        let offset = address.addr().wrapping_sub(self.start().addr());
        let Some(index) = size_index(size).filter(|_| offset < ARENA_BYTES) else { return false };
        self.push(index, offset);
        true
    }

    fn start(&self) -> *mut u8 {
        self.arena.0.get().cast()
    }
}

/// Ends the process as planned: a lack of memory for the preload is not a crash of the server. (Rust's default is to
/// abort.)
#[cold]
fn end_without_memory(error: Errno) -> ! {
    static TOLD: AtomicBool = AtomicBool::new(false);
    if TOLD.swap(true, Relaxed) {
        // The message needs memory, too.
        report::exit(report::EXIT_UNAVAILABLE);
    }
    report::fatal(format_args!("sockfuzz cannot allocate memory in the server ({error}): allow it more"))
}

/// Returns the size of the block for a layout. A block is aligned to its size, or to a page.
fn block_bytes(layout: Layout) -> usize {
    layout.size().max(layout.align()).max(MIN_BLOCK_BYTES).next_power_of_two()
}

/// Returns the index of the stack for this size; `None` if it is too large for the arena.
fn size_index(size: usize) -> Option<usize> {
    (size <= MAX_BLOCK_BYTES).then(|| (size / MIN_BLOCK_BYTES).ilog2() as usize)
}

// SAFETY: a block is at least as large as its layout, and has no other owner until it is returned. Blocks of the arena are aligned
// to their own size or to a page, mappings to a page, and no layout here needs more. Nothing panics.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if let Some(block) = self.take_block(block_bytes(layout)) {
            return block;
        }
        // SAFETY: with a null address the kernel chooses one where nothing is mapped.
        let mapped = unsafe {
            let access = ProtFlags::READ | ProtFlags::WRITE;
            mmap_anonymous(ptr::null_mut(), layout.size(), access, MapFlags::PRIVATE)
        };
        mapped.map_or_else(|error| end_without_memory(error), <*mut _>::cast)
    }

    unsafe fn dealloc(&self, address: *mut u8, layout: Layout) {
        if !self.return_block(address, block_bytes(layout)) {
            // SAFETY: `alloc` has mapped this length, and the caller guarantees that the memory is not used any more.
            let _cannot_fail = unsafe { munmap(address.cast(), layout.size()) };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn blocks_have_the_size_and_alignment_of_their_layout() {
        for (size, align) in [(1, 1), (33, 8), (100, 256), (MAX_BLOCK_BYTES, 1), (MAX_BLOCK_BYTES + 1, 64)] {
            let layout = Layout::from_size_align(size, align).expect("valid");
            // SAFETY: the layout is not empty, and all accesses are within its size.
            unsafe {
                let blocks = [(); 5].map(|()| HEAP.alloc(layout));
                for (byte, &block) in (1..).zip(&blocks) {
                    assert!(block.addr().is_multiple_of(align));
                    block.write_bytes(byte, size);
                }
                for (byte, block) in (1..).zip(blocks) {
                    assert!(std::slice::from_raw_parts(block, size).iter().all(|&found| found == byte));
                    HEAP.dealloc(block, layout);
                }
            }
        }
    }

    #[test]
    fn returned_blocks_are_reused() {
        static OWN: Heap = Heap {
            arena: Arena(UnsafeCell::new([0; ARENA_BYTES])),
            used: AtomicUsize::new(0),
            free: [const { FreeStack(AtomicU64::new(0)) }; BLOCK_SIZES],
            below: [const { AtomicU32::new(0) }; ARENA_BYTES / MIN_BLOCK_BYTES],
        };
        let blocks = [(); 3].map(|()| OWN.take_block(64).expect("room"));
        assert!(blocks.iter().all(|&block| OWN.return_block(block, 64)));
        let again = [(); 3].map(|()| OWN.take_block(64).expect("room"));
        assert_eq!(again.into_iter().rev().collect::<Vec<_>>(), blocks);
        assert_eq!(OWN.used.load(Relaxed), 3 * 64);
        assert!(!OWN.return_block(ptr::null_mut(), 64));
        let mut last = None;
        while let Some(block) = OWN.take_block(MAX_BLOCK_BYTES) {
            last = Some(block);
        }
        while OWN.take_block(MIN_BLOCK_BYTES).is_some() {}
        assert!(OWN.return_block(blocks[0], 64) && OWN.take_block(64).is_some());
        // The arena is full: a free block of the largest size is split into all of the smallest ones that it holds.
        assert!(OWN.return_block(last.expect("room"), MAX_BLOCK_BYTES));
        let start = OWN.start().addr();
        let mut parts: Vec<_> =
            std::iter::from_fn(|| OWN.take_block(MIN_BLOCK_BYTES)).map(|part| part.addr() - start).collect();
        parts.sort_unstable();
        let begin = last.map_or(0, |block| block.addr() - start);
        let split = parts.iter().filter(|part| **part >= begin).copied();
        assert!(split.eq((begin..begin + MAX_BLOCK_BYTES).step_by(MIN_BLOCK_BYTES)));
    }

    /// One thread allocates a block, another frees it; no third thread gets it in between.
    #[test]
    fn threads_do_not_get_the_same_block() {
        const THREADS: usize = 4;
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| mpsc::sync_channel(8)).unzip();
        thread::scope(|scope| {
            for (number, (receiver, next)) in
                receivers.into_iter().zip(senders.into_iter().cycle().skip(1)).enumerate()
            {
                scope.spawn(move || {
                    for round in 0..20_000_usize {
                        let _ = next.try_send(vec![(number, round); 1 + round % 40]);
                        for given in receiver.try_iter() {
                            assert!(given.windows(2).all(|pair| pair[0] == pair[1]));
                        }
                    }
                });
            }
        });
    }
}
