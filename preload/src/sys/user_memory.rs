//! Access to the server's memory at addresses that a call of the server's names. Such an address may be wrong;
//! the kernel answers `EFAULT` then, so a hook that reads or writes there itself has to check first.
//!
//! What cannot be an address is refused by arithmetic. For the rest a table remembers which blocks were found
//! accessible, so that the usual check is a few loads. A block that is not in it costs one system call, which
//! changes nothing that the copy would not change. A server that unmaps or protects memory and passes its address
//! again is not noticed: that ends with SIGSEGV, as it would in the server's own code.

use std::ffi::{CStr, c_char, c_void};
use std::ptr;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed};

use rustix::io::Errno;
use rustix::mm::{Advice, madvise};
use syscalls::{Sysno, syscall};

/// What the table remembers: this divides every size of a page.
const BLOCK_BYTES: usize = 4096;

/// Nothing is mapped below (proc_sys_vm(5), mmap_min_addr).
const LOWEST_ADDRESS: usize = 64 << 10;

/// Upper half of the address space: the kernel's own. (x86-64 with five levels of page tables; aarch64 has less.)
const HIGHEST_ADDRESS: usize = (1 << 56) - BLOCK_BYTES;

/// Slots of the table, of which a block may be in two: blocks that share one do not displace each other.
const SLOTS: usize = 1024;

/// Multiplier that spreads the blocks' second slots (Fibonacci hashing).
const SPREAD: usize = 0x9E37_79B9_7F4A_7C15;

/// Which way the server's memory is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

static READABLE: [AtomicUsize; SLOTS] = [const { AtomicUsize::new(0) }; SLOTS];
static WRITABLE: [AtomicUsize; SLOTS] = [const { AtomicUsize::new(0) }; SLOTS];

impl Access {
    /// Blocks that were found accessible, 0 for none.
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

    /// The two slots of a block.
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

    /// Asks the kernel about blocks, and remembers those that are accessible.
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
            // Not mapped; not backed.
            Err(Errno::NOMEM | Errno::FAULT | Errno::HWPOISON) => false,
            // Not mapped for this access.
            Err(Errno::INVAL) if populates() => false,
            Err(Errno::INVAL) => (start..end).step_by(page).all(is_readable_page),
            // Something else than the kernel has refused the call.
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

/// Whether the kernel knows the advice (since Linux 5.14): for memory that is certainly readable.
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

/// Copies a byte of a page by process_vm_readv(2), which says `EFAULT` where a load would be a fault. What can
/// be read is taken for writable.
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

/// The address without the tag that aarch64 allows in its highest byte.
fn number<T: ?Sized>(address: *const T) -> usize {
    if cfg!(target_arch = "aarch64") { address.addr() & ((1 << 56) - 1) } else { address.addr() }
}

/// Whether the bytes may be the server's by their numbers alone: what the kernel checks of a buffer that it may
/// not come to use.
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

/// Reads a value; `FAULT` where there is none.
///
/// # Safety
/// Any bytes are a valid `T`.
pub(crate) unsafe fn read<T: Copy>(address: *const T) -> Result<T, Errno> {
    if !is_readable(address, size_of::<T>()) {
        return Err(Errno::FAULT);
    }
    // SAFETY: the bytes are readable, and a valid `T` by the caller's word.
    Ok(unsafe { address.read_unaligned() })
}

/// Writes a value; `FAULT` where there is no room.
///
/// # Safety
/// Nothing of Rust's is at `address` but what expects the value.
pub(crate) unsafe fn write<T: Copy>(address: *mut T, value: T) -> Result<(), Errno> {
    if !is_writable(address, size_of::<T>()) {
        return Err(Errno::FAULT);
    }
    // SAFETY: the bytes are writable, and the server has given them for this.
    unsafe { address.write_unaligned(value) };
    Ok(())
}

/// Writes bytes; `FAULT` where there is no room for all of them.
///
/// # Safety
/// As for [`write()`]; `bytes` lie elsewhere.
pub(crate) unsafe fn write_bytes(address: *mut u8, bytes: &[u8]) -> Result<(), Errno> {
    if !is_writable(address, bytes.len()) {
        return Err(Errno::FAULT);
    }
    // SAFETY: as many bytes are writable at `address`, and the two do not overlap by the caller's word.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), address, bytes.len()) };
    Ok(())
}

/// A value of the server's, at any address: the kernel, too, copies it wherever it is.
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

/// An array; `FAULT` where there is none.
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
    // SAFETY: so many elements are readable, and valid by the caller's word.
    Ok(unsafe { std::slice::from_raw_parts(first.cast(), count) })
}

/// A string that ends within `most` bytes.
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
        // SAFETY: these bytes were found readable, and so were those before.
        let bytes = unsafe { std::slice::from_raw_parts(here.cast::<u8>(), in_block) };
        if let Some(end) = memchr::memchr(0, bytes) {
            // SAFETY: as above, up to the first NUL.
            let bytes = unsafe { std::slice::from_raw_parts(first.cast::<u8>(), len + end + 1) };
            return CStr::from_bytes_with_nul(bytes).ok();
        }
        len += in_block;
    }
    None
}

#[cfg(test)]
mod tests;
