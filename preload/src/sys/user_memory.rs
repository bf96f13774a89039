//! Checked access to the server's memory at addresses that the server passes to a call. The kernel returns `EFAULT`
//! for an invalid address, so a hook that reads or writes there itself has to check the address first.
//!
//! Numbers that cannot be addresses are refused by arithmetic. For others, a table records which blocks are
//! accessible, so that the usual check is a few loads. A block that is not in it costs one system call, which
//! changes nothing that the copy would not change. The table does not notice when the server unmaps or protects
//! memory. If it passes such an address again, that ends with SIGSEGV, as it would in the server's own code.

use std::ffi::{CStr, c_char, c_void};
use std::ptr;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed};

use rustix::io::Errno;
use rustix::mm::{Advice, madvise};
use syscalls::{Sysno, syscall};

/// Size of the blocks that the table records, which divides every page size.
const BLOCK_BYTES: usize = 4096;

/// Lowest address that may be mapped (proc_sys_vm(5), mmap_min_addr).
const LOWEST_ADDRESS: usize = 64 << 10;

/// Upper bound of the server's half of the address space. (x86-64 with five levels of page tables; aarch64 has less.)
const HIGHEST_ADDRESS: usize = (1 << 56) - BLOCK_BYTES;

/// Number of slots in the table. A block may be in two of them, so blocks that share one do not displace each other.
const SLOTS: usize = 1024;

/// Multiplier that spreads the blocks' second slots (Fibonacci hashing).
const SPREAD: usize = 0x9E37_79B9_7F4A_7C15;

/// Kind of access to the server's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

static READABLE: [AtomicUsize; SLOTS] = [const { AtomicUsize::new(0) }; SLOTS];
static WRITABLE: [AtomicUsize; SLOTS] = [const { AtomicUsize::new(0) }; SLOTS];

impl Access {
    /// Returns the table of blocks that were found accessible; 0 marks a free slot.
    fn table(self) -> &'static [AtomicUsize; SLOTS] {
        match self {
            Self::Read => &READABLE,
            Self::Write => &WRITABLE,
        }
    }

    fn allows<T: ?Sized>(self, address: *const T, len: usize) -> bool {
        let first = number(address);
        if len == 0 {
            return true;
        }
        if first < LOWEST_ADDRESS || !is_address_range(address, len) {
            return false;
        }
        let (first, last) = (first / BLOCK_BYTES, (first + len - 1) / BLOCK_BYTES);
        (first..=last).find(|&block| !self.knows(block)).is_none_or(|unknown| self.verify(unknown, last))
    }

    /// Returns the two slots of a block.
    fn slots(self, block: usize) -> [&'static AtomicUsize; 2] {
        let spread = block.wrapping_mul(SPREAD) >> (usize::BITS - SLOTS.ilog2());
        [block % SLOTS, spread].map(|index| &self.table()[index])
    }

    fn knows(self, block: usize) -> bool {
        self.slots(block).iter().any(|slot| slot.load(Relaxed) == block)
    }

    fn remember(self, block: usize) {
        if !self.knows(block) {
            let [first, second] = self.slots(block);
            if first.compare_exchange(0, block, Relaxed, Relaxed).is_err() {
                second.store(block, Relaxed);
            }
        }
    }

    /// Asks the kernel whether blocks are accessible, and records them if they are.
    #[cold]
    fn verify(self, first: usize, last: usize) -> bool {
        let is_accessible = self.ask(first, last);
        if is_accessible {
            (first..=last).take(SLOTS).for_each(|block| self.remember(block));
        }
        is_accessible
    }

    fn ask(self, first: usize, last: usize) -> bool {
        let page = page_bytes();
        let start = first * BLOCK_BYTES / page * page;
        let end = (last + 1) * BLOCK_BYTES;
        match self.populate(start, end - start) {
            // Not mapped, or not backed by memory.
            Err(Errno::NOMEM | Errno::FAULT | Errno::HWPOISON) => false,
            // Mapped, but not for this access.
            Err(Errno::INVAL) if populates() => false,
            Err(Errno::INVAL) => (start..end).step_by(page).all(is_readable_page),
            // The call has succeeded, or something like a seccomp filter has refused it.
            _ => true,
        }
    }

    fn populate(self, start: usize, len: usize) -> Result<(), Errno> {
        let advice = match self {
            Self::Read => Advice::LinuxPopulateRead,
            Self::Write => Advice::LinuxPopulateWrite,
        };
        // SAFETY: this advice changes no contents, and loads only pages that the caller is about to touch.
        unsafe { madvise(ptr::without_provenance_mut::<c_void>(start), len, advice) }
    }
}

/// Whether the kernel supports the advice (since Linux 5.14), tested with memory that is certainly readable.
fn populates() -> bool {
    const UNKNOWN: u8 = 2;
    static ANSWER: AtomicU8 = AtomicU8::new(UNKNOWN);
    if ANSWER.load(Relaxed) == UNKNOWN {
        let page = page_bytes();
        let here = (&raw const ANSWER).addr() / page * page;
        ANSWER.store(Access::Read.populate(here, page).is_ok().into(), Relaxed);
    }
    ANSWER.load(Relaxed) == 1
}

/// Whether a page is readable: copies a byte by process_vm_readv(2), which returns `EFAULT` instead of a fault.
/// (On kernels without the advice, readable pages count as writable, too.)
fn is_readable_page(page: usize) -> bool {
    let mut byte = 0_u8;
    let here = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    let there = libc::iovec { iov_base: ptr::without_provenance_mut(page), iov_len: 1 };
    let me = rustix::process::getpid().as_raw_nonzero().get();
    // SAFETY: the kernel checks the remote address; the local one is this byte.
    let copied = unsafe { syscall!(Sysno::process_vm_readv, me, &raw const here, 1, &raw const there, 1, 0) };
    copied.map_err(|error| error.into_raw()) != Err(libc::EFAULT)
}

fn page_bytes() -> usize {
    if cfg!(target_arch = "x86_64") {
        return BLOCK_BYTES;
    }
    // SAFETY: sysconf(3) takes a number, and has no preconditions.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(BLOCK_BYTES)
}

/// Returns the address without the tag that aarch64 allows in its highest byte.
fn number<T: ?Sized>(address: *const T) -> usize {
    if cfg!(target_arch = "aarch64") { address.addr() & ((1 << 56) - 1) } else { address.addr() }
}

/// Whether the bytes lie in the server's address space, by arithmetic alone. The kernel checks only this for a
/// buffer that it may not use.
pub(crate) fn is_address_range<T: ?Sized>(address: *const T, len: usize) -> bool {
    number(address).checked_add(len).is_some_and(|end| end <= HIGHEST_ADDRESS)
}

/// Whether these bytes can be read.
pub(crate) fn is_readable<T: ?Sized>(address: *const T, len: usize) -> bool {
    Access::Read.allows(address, len)
}

/// Whether these bytes can be written.
pub(crate) fn is_writable<T: ?Sized>(address: *const T, len: usize) -> bool {
    Access::Write.allows(address, len)
}

/// Reads a value; fails with `FAULT` if it is not readable.
///
/// # Safety
/// Any bytes are a valid `T`.
pub(crate) unsafe fn read<T: Copy>(address: *const T) -> Result<T, Errno> {
    if !is_readable(address, size_of::<T>()) {
        return Err(Errno::FAULT);
    }
    // SAFETY: the bytes are readable, and the caller guarantees that they are a valid `T`.
    Ok(unsafe { address.read_unaligned() })
}

/// Writes a value; fails with `FAULT` if the memory is not writable.
///
/// # Safety
/// No Rust object is at `address`, unless it may be overwritten by the value.
pub(crate) unsafe fn write<T: Copy>(address: *mut T, value: T) -> Result<(), Errno> {
    if !is_writable(address, size_of::<T>()) {
        return Err(Errno::FAULT);
    }
    // SAFETY: the bytes are writable, and the caller guarantees that they may be overwritten.
    unsafe { address.write_unaligned(value) };
    Ok(())
}

/// Writes bytes; fails with `FAULT` if the memory is not writable for all of them.
///
/// # Safety
/// The precondition of [`write()`] holds, and `bytes` do not overlap with the memory at `address`.
pub(crate) unsafe fn write_bytes(address: *mut u8, bytes: &[u8]) -> Result<(), Errno> {
    if !is_writable(address, bytes.len()) {
        return Err(Errno::FAULT);
    }
    // SAFETY: `bytes.len()` bytes are writable at `address`, and the caller guarantees that the two do not overlap.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), address, bytes.len()) };
    Ok(())
}

/// Value of the server at any address, aligned or not, as the kernel accepts it.
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub(crate) struct Unaligned<T>(T);

impl<T: Copy> Unaligned<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(value)
    }

    pub(crate) const fn get(&self) -> T {
        self.0
    }
}

/// Borrows an array; fails with `FAULT` if it is not readable.
///
/// # Safety
/// Any bytes are a valid `T`; nobody changes the array while it is borrowed.
pub(crate) unsafe fn elements<'a, T: Copy>(
    first: *const T,
    count: usize,
) -> Result<&'a [Unaligned<T>], Errno> {
    let len = count.checked_mul(size_of::<T>()).ok_or(Errno::FAULT)?;
    if count == 0 {
        return Ok(&[]);
    }
    if !is_readable(first, len) {
        return Err(Errno::FAULT);
    }
    // SAFETY: `count` elements are readable and need no alignment; the caller guarantees the rest.
    Ok(unsafe { std::slice::from_raw_parts(first.cast(), count) })
}

/// Borrows a string; `None` if it is not readable or does not end within `most` bytes.
///
/// # Safety
/// Nobody changes the string while it is borrowed.
pub(crate) unsafe fn string<'a>(first: *const c_char, most: usize) -> Option<&'a CStr> {
    let mut len = 0;
    while len < most {
        let here = first.wrapping_add(len);
        let in_block = (BLOCK_BYTES - here.addr() % BLOCK_BYTES).min(most - len);
        if !is_readable(here, in_block) {
            return None;
        }
        // SAFETY: these bytes are readable, and the caller guarantees that nothing changes them.
        let bytes = unsafe { std::slice::from_raw_parts(here.cast::<u8>(), in_block) };
        if let Some(end) = memchr::memchr(0, bytes) {
            // SAFETY: all bytes up to the first NUL were found readable, and nothing changes them.
            let bytes = unsafe { std::slice::from_raw_parts(first.cast::<u8>(), len + end + 1) };
            return CStr::from_bytes_with_nul(bytes).ok();
        }
        len += in_block;
    }
    None
}

#[cfg(test)]
mod tests;
