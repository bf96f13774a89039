//! What the server passes to a call, checked in the order and with the errors of the kernel.

use std::time::Duration;

use libc::{c_int, c_uint, iovec, msghdr, sigset_t, sockaddr, sockaddr_storage, socklen_t, timespec};
use rustix::io::Errno;

use crate::determinism::clock;
use crate::net::address::{self, Address};
use crate::sys::user_memory::Unaligned;
use crate::sys::{errno, user_memory};

/// Parts that one call may have (readv(2), IOV_MAX), and messages (sendmmsg(2)).
pub(super) const MAX_PARTS: usize = 1024;

/// What one call transfers at most (read(2), "Notes").
pub(super) const MAX_TRANSFER_BYTES: usize = 0x7fff_f000;

/// Bytes in the kernel's set of signals: 64 bits. (libc's has room for more.)
pub(super) const SIGNAL_SET_BYTES: usize = 8;

/// The parts of a buffer; `too_many` is the call's error for more than [`MAX_PARTS`].
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
    // SAFETY: any bytes are an `iovec`; nobody changes it by the caller's word.
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

/// Bytes in `parts`, as far as one call transfers them.
pub(super) fn total(parts: &[Unaligned<iovec>]) -> usize {
    parts.iter().fold(0, |sum: usize, part| sum.saturating_add(part.get().iov_len)).min(MAX_TRANSFER_BYTES)
}

/// A message, and its parts.
///
/// # Safety
/// Nobody changes the array of parts while it is borrowed.
pub(super) unsafe fn message<'a>(message: *const msghdr) -> Result<(msghdr, &'a [Unaligned<iovec>]), Errno> {
    // SAFETY: any bytes are a `msghdr`.
    let message = unsafe { user_memory::read(message) }?;
    if !message.msg_name.is_null() && message.msg_namelen.cast_signed() < 0 {
        return Err(Errno::INVAL);
    }
    // SAFETY: given by the caller.
    let parts = unsafe { parts(message.msg_iov, message.msg_iovlen, Errno::MSGSIZE) }?;
    Ok((message, parts))
}

/// The message that readv(2) and writev(2) stand for; `None` where its parts are empty.
///
/// # Safety
/// Nobody changes the array of parts during the call.
pub(super) unsafe fn message_of(first: *const iovec, length: c_int) -> Result<Option<msghdr>, Errno> {
    // SAFETY: given by the caller.
    let parts = unsafe { parts(first, count(length)?, Errno::INVAL) }?;
    if total(parts) == 0 {
        return Ok(None);
    }
    // SAFETY: all zeroes is an empty message.
    let mut message: msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = first.cast_mut();
    message.msg_iovlen = parts.len() as _;
    Ok(Some(message))
}

/// Checks an address that the call only looks at, or not even that.
pub(super) fn address(address: *const sockaddr, len: socklen_t) -> Result<(), Errno> {
    match len as usize {
        len if len > size_of::<sockaddr_storage>() => Err(Errno::INVAL),
        len if !user_memory::is_readable(address, len) => Err(Errno::FAULT),
        _ => Ok(()),
    }
}

/// Reads an address; `None` for one of a family that is of no interest.
pub(super) fn read_address(wanted: *const sockaddr, len: socklen_t) -> Result<Option<Address>, Errno> {
    address(wanted, len)?;
    // SAFETY: `len` bytes are readable there.
    Ok(unsafe { address::read(wanted, len) })
}

/// Writes an address the way accept(2) does, into the room that `len` says there is.
///
/// # Safety
/// The pointers are the server's: nothing of Rust's is there.
pub(super) unsafe fn write_address(
    shown: &Address,
    place: *mut sockaddr,
    len: *mut socklen_t,
) -> Result<(), Errno> {
    let mut storage = [0_u8; size_of::<sockaddr_storage>()];
    let mut whole = storage.len() as socklen_t;
    // SAFETY: `storage` has room for every address; the server's memory is checked, and given by the caller.
    unsafe {
        address::write(shown, storage.as_mut_ptr().cast(), &mut whole);
        let room = user_memory::read(len)?;
        let written = usize::try_from(room.cast_signed()).map_err(|_| Errno::INVAL)?.min(whole as usize);
        user_memory::write_bytes(place.cast(), &storage[..written])?;
        user_memory::write(len, whole)
    }
}

/// What recvfrom(2) writes of the address that does not come with the bytes of a stream.
///
/// # Safety
/// `len` is the server's: nothing of Rust's is there.
pub(super) unsafe fn write_no_address(len: *mut socklen_t) -> Result<(), Errno> {
    // SAFETY: any bytes are a number; the place is given by the caller.
    unsafe {
        if user_memory::read(len)?.cast_signed() < 0 {
            return Err(Errno::INVAL);
        }
        user_memory::write(len, 0)
    }
}

/// A time limit, as a system call takes it: null for none.
pub(super) fn limit(limit: *const timespec) -> Result<Option<Duration>, Errno> {
    if limit.is_null() {
        return Ok(None);
    }
    // SAFETY: any bytes are two numbers.
    duration(unsafe { user_memory::read(limit) }?).map(Some)
}

/// A length of time; `INVAL` for what is none.
pub(super) fn duration(time: timespec) -> Result<Duration, Errno> {
    match (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec)) {
        (Ok(seconds), Ok(nanoseconds @ ..1_000_000_000)) => Ok(Duration::new(seconds, nanoseconds)),
        _ => Err(Errno::INVAL),
    }
}

/// What is left of a limit, when a call that `began` then has returned `count`: 0 when the limit was over.
pub(super) fn time_left(limit: Duration, began: Duration, count: c_int) -> Duration {
    if count == 0 { Duration::ZERO } else { limit.saturating_sub(clock::now().saturating_sub(began)) }
}

/// Checks a mask of signals, null for none.
pub(super) fn signal_mask(mask: *const sigset_t) -> Result<(), Errno> {
    let is_valid = mask.is_null() || user_memory::is_readable(mask, SIGNAL_SET_BYTES);
    if is_valid { Ok(()) } else { Err(Errno::FAULT) }
}

/// Checks the bytes of a buffer by their numbers (read(2), write(2)).
pub(super) fn buffer<T>(first: *const T, len: usize) -> Result<(), Errno> {
    if user_memory::is_address_range(first, len) { Ok(()) } else { Err(Errno::FAULT) }
}

/// A count that C passes with a sign; `INVAL` for a negative one.
pub(super) fn count(count: c_int) -> Result<usize, Errno> {
    usize::try_from(count).map_err(|_| Errno::INVAL)
}

/// recvmmsg(2) and sendmmsg(2): one message after the other, up to the first that fails. `call` is given the
/// number of those that are done, and says whether to go on.
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
