//! Checks of the arguments that the server passes to a call, in the order and with the errors of the kernel.

use std::time::Duration;

use libc::{c_int, c_uint, iovec, msghdr, sigset_t, sockaddr, sockaddr_storage, socklen_t, timespec};
use rustix::io::Errno;

use crate::determinism::clock;
use crate::net::address::{self, Address};
use crate::sys::user_memory::Unaligned;
use crate::sys::{errno, user_memory};

/// Maximum number of parts of one call (readv(2), IOV_MAX), and of messages (sendmmsg(2)).
pub(super) const MAX_PARTS: usize = 1024;

/// Maximum number of bytes that one call transfers (read(2), "Notes").
pub(super) const MAX_TRANSFER_BYTES: usize = 0x7fff_f000;

/// Size of the kernel's signal set in bytes: 64 bits. (libc's has room for more.)
pub(super) const SIGNAL_SET_BYTES: usize = 8;

/// Borrows and checks the parts of a buffer; `too_many` is the call's error for more than [`MAX_PARTS`].
///
/// # Safety
/// Nobody changes the array while it is borrowed.
pub(super) unsafe fn parts<'a>(
    first: *const iovec,
    count: usize,
    too_many: Errno,
) -> Result<&'a [Unaligned<iovec>], Errno> {
    if count > MAX_PARTS {
        return Err(too_many);
    }
    // SAFETY: any bytes are a valid `iovec`; nobody changes the array meanwhile, by this function's contract.
    let parts = unsafe { user_memory::elements(first, count) }?;
    if parts.iter().any(|part| part.get().iov_len > isize::MAX as usize) {
        return Err(Errno::INVAL);
    }
    let is_possible = |part: iovec| user_memory::is_address_range(part.iov_base, part.iov_len);
    if !parts.iter().all(|part| is_possible(part.get())) {
        return Err(Errno::FAULT);
    }
    Ok(parts)
}

/// Number of bytes in `parts`, limited to what one call transfers.
pub(super) fn total(parts: &[Unaligned<iovec>]) -> usize {
    parts.iter().fold(0, |sum: usize, part| sum.saturating_add(part.get().iov_len)).min(MAX_TRANSFER_BYTES)
}

/// Reads and checks a message and its parts.
///
/// # Safety
/// Nobody changes the array of parts while it is borrowed.
pub(super) unsafe fn message<'a>(message: *const msghdr) -> Result<(msghdr, &'a [Unaligned<iovec>]), Errno> {
    // SAFETY: any bytes are a valid `msghdr`.
    let message = unsafe { user_memory::read(message) }?;
    if !message.msg_name.is_null() && message.msg_namelen.cast_signed() < 0 {
        return Err(Errno::INVAL);
    }
    // SAFETY: nobody changes the array of parts while it is borrowed, by this function's contract.
    let parts = unsafe { parts(message.msg_iov, message.msg_iovlen, Errno::MSGSIZE) }?;
    Ok((message, parts))
}

/// Builds the message that is equivalent to the parts of readv(2) or writev(2); `None` if all parts are empty.
///
/// # Safety
/// Nobody changes the array of parts during the call.
pub(super) unsafe fn message_of(first: *const iovec, length: c_int) -> Result<Option<msghdr>, Errno> {
    // SAFETY: nobody changes the array of parts during the call, by this function's contract.
    let parts = unsafe { parts(first, count(length)?, Errno::INVAL) }?;
    if total(parts) == 0 {
        return Ok(None);
    }
    // SAFETY: all zeroes are a valid `msghdr`, an empty message.
    let mut message: msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = first.cast_mut();
    message.msg_iovlen = parts.len() as _;
    Ok(Some(message))
}

/// Checks that an address has a valid length and is readable.
pub(super) fn address(address: *const sockaddr, len: socklen_t) -> Result<(), Errno> {
    match len as usize {
        len if len > size_of::<sockaddr_storage>() => Err(Errno::INVAL),
        len if !user_memory::is_readable(address, len) => Err(Errno::FAULT),
        _ => Ok(()),
    }
}

/// Reads an address; `None` if [`address::read`] does not support it.
pub(super) fn read_address(wanted: *const sockaddr, len: socklen_t) -> Result<Option<Address>, Errno> {
    address(wanted, len)?;
    // SAFETY: [`address`] has checked that `len` bytes are readable.
    Ok(unsafe { address::read(wanted, len) })
}

/// Writes an address as accept(2) does, into the room of `*len` bytes.
///
/// # Safety
/// The pointers are the server's: no Rust reference points there.
pub(super) unsafe fn write_address(
    shown: &Address,
    place: *mut sockaddr,
    len: *mut socklen_t,
) -> Result<(), Errno> {
    let mut storage = [0_u8; size_of::<sockaddr_storage>()];
    let mut whole = storage.len() as socklen_t;
    // SAFETY: `storage` has room for every address. `user_memory` checks the server's memory, to which no Rust
    // reference points, by this function's contract.
    unsafe {
        address::write(shown, storage.as_mut_ptr().cast(), &mut whole);
        let room = user_memory::read(len)?;
        let written = usize::try_from(room.cast_signed()).map_err(|_| Errno::INVAL)?.min(whole as usize);
        user_memory::write_bytes(place.cast(), &storage[..written])?;
        user_memory::write(len, whole)
    }
}

/// Writes the address length 0, as recvfrom(2) does for a stream, whose bytes come without an address.
///
/// # Safety
/// `len` is the server's: no Rust reference points there.
pub(super) unsafe fn write_no_address(len: *mut socklen_t) -> Result<(), Errno> {
    // SAFETY: any bytes are a valid number; no Rust reference points at `len`, by this function's contract.
    unsafe {
        if user_memory::read(len)?.cast_signed() < 0 {
            return Err(Errno::INVAL);
        }
        user_memory::write(len, 0)
    }
}

/// Reads the time limit of a system call; null means none.
pub(super) fn limit(limit: *const timespec) -> Result<Option<Duration>, Errno> {
    if limit.is_null() {
        return Ok(None);
    }
    // SAFETY: any bytes are a valid `timespec`.
    duration(unsafe { user_memory::read(limit) }?).map(Some)
}

/// Converts a time; `INVAL` if it is negative, or if its nanoseconds are out of range.
pub(super) fn duration(time: timespec) -> Result<Duration, Errno> {
    match (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec)) {
        (Ok(seconds), Ok(nanoseconds @ ..1_000_000_000)) => Ok(Duration::new(seconds, nanoseconds)),
        _ => Err(Errno::INVAL),
    }
}

/// Returns the remaining time of `limit` after a call that started at `began` and returned `count`. The call returns 0 if
/// the limit expired, and then no time remains.
pub(super) fn time_left(limit: Duration, began: Duration, count: c_int) -> Duration {
    if count == 0 { Duration::ZERO } else { limit.saturating_sub(clock::now().saturating_sub(began)) }
}

/// Checks that a signal mask is null or readable.
pub(super) fn signal_mask(mask: *const sigset_t) -> Result<(), Errno> {
    let is_valid = mask.is_null() || user_memory::is_readable(mask, SIGNAL_SET_BYTES);
    if is_valid { Ok(()) } else { Err(Errno::FAULT) }
}

/// Checks that a buffer is within the address space of processes, without an access to it (read(2), write(2)).
pub(super) fn buffer<T>(first: *const T, len: usize) -> Result<(), Errno> {
    if user_memory::is_address_range(first, len) { Ok(()) } else { Err(Errno::FAULT) }
}

/// Converts a signed count; `INVAL` for a negative one.
pub(super) fn count(count: c_int) -> Result<usize, Errno> {
    usize::try_from(count).map_err(|_| Errno::INVAL)
}

/// Transfers one message after the other, up to the first that fails (recvmmsg(2), sendmmsg(2)). `call` gets the number
/// of messages that are done, and returns whether to go on.
pub(super) fn one_by_one(count: c_uint, mut call: impl FnMut(usize) -> Result<bool, Errno>) -> c_int {
    let count = (count as usize).min(MAX_PARTS);
    let mut done = 0;
    while done < count {
        match call(done) {
            Ok(goes_on) => {
                done += 1;
                if !goes_on {
                    break;
                }
            }
            Err(error) if done == 0 => return errno::fail(error),
            Err(_) => break,
        }
    }
    done as c_int
}
