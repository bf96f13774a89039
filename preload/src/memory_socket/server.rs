//! Server's side of virtual connections and of the listener: effects of its calls.

use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::Duration;

use libc::{c_int, iovec};
use rustix::io::Errno;
use sockfuzz_protocol::Phase;

use super::arrival::with_arrival;
use super::epoll::Source;
use super::state::with;
use super::{is_active, placeholder, written_bytes};
use crate::sys::fd_table::Slot;
use crate::sys::fd_table::{self, FdKind};
use crate::sys::user_memory::Unaligned;
use crate::sys::{answer_digest, answer_output, answer_ring, config, fd, kept_answers, report, user_memory};

/// Accepts the next connection, and returns its descriptor. `None` if the client has gone in the meantime.
pub(crate) fn accept(flags: c_int) -> Result<Option<RawFd>, Errno> {
    if flags & !(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC) != 0 {
        return Err(Errno::INVAL);
    }
    let number = placeholder::take(flags & libc::SOCK_CLOEXEC != 0)?;
    let slot = with(|state| {
        let slot = state.unaccepted.pop()?;
        state.stream(slot).accept(flags & libc::SOCK_NONBLOCK != 0);
        Some(slot)
    });
    match slot {
        Some(slot) => fd_table::set(number, FdKind::Virtual(slot)),
        None => fd_table::close_unused(number),
    }
    Ok(slot.map(|_| number))
}

/// Moves unread bytes into `parts`, and returns their number; 0 at the end. Fails with `AGAIN` if there are none yet or
/// the connection has just become real, `CONNRESET` after a reset, and `FAULT` if a part is not writable. Peeking
/// leaves the bytes unread.
///
/// # Safety
/// The parts are the server's own buffers.
pub(crate) unsafe fn receive(slot: Slot, parts: &[Unaligned<iovec>], peek: bool) -> Result<usize, Errno> {
    with(|state| {
        if !is_active() {
            return Err(Errno::AGAIN);
        }
        // SAFETY: the caller guarantees that the parts are the server's own buffers.
        unsafe { state.stream(slot).receive(parts, peek) }
    })
}

/// Whether an answer would still reach the client over this transport.
pub(crate) fn is_writable(slot: Slot) -> bool {
    with(|state| is_active() && state.stream(slot).is_writable())
}

/// Returns and clears the pending error of the connection (socket(7), SO_ERROR).
pub(crate) fn take_error(slot: Slot) -> Option<Errno> {
    with(|state| state.stream(slot).take_error())
}

/// Writes an answer: counts the bytes, and forwards them if [`forwards_answers`]. Fails with `FAULT` if a part is not
/// readable. A client that reads gets the bytes, which are no answer yet.
///
/// # Safety
/// The parts are the server's own buffers, which nobody changes meanwhile.
pub(crate) unsafe fn write(slot: Slot, parts: &[Unaligned<iovec>]) -> Result<usize, Errno> {
    let parts = || parts.iter().map(Unaligned::get);
    if !parts().all(|part| user_memory::is_readable(part.iov_base, part.iov_len)) {
        return Err(Errno::FAULT);
    }
    let total = parts().map(|part| part.iov_len).sum();
    record_answer(slot, total);
    let pieces = parts().filter(|part| part.iov_len > 0).map(|part| {
        // SAFETY: the check above found the bytes readable, and the caller guarantees that nothing changes them.
        unsafe { std::slice::from_raw_parts(part.iov_base.cast::<u8>(), part.iov_len) }
    });
    if !written_bytes::are_read(slot) {
        answer_ring::write(pieces.clone());
        pieces.clone().take(1).for_each(|first| report::status().record_answer(first));
    }
    if forwards_answers(slot) {
        pieces.for_each(|piece| forward_answer(slot, piece));
    }
    Ok(total)
}

/// Counts an answer of `total` bytes.
pub(crate) fn record_answer(slot: Slot, total: usize) {
    if total > 0 {
        with(|state| state.stream(slot).record_answer());
        if !written_bytes::are_read(slot) {
            report::status().reach(Phase::Answered);
        }
    }
}

/// Whether the bytes of answers are used: in a single run, in a trial of this transport, for references, or by a client that
/// reads them.
pub(crate) fn forwards_answers(slot: Slot) -> bool {
    config::is_single_run()
        || answer_digest::is_enabled()
        || kept_answers::are_wanted()
        || written_bytes::are_read(slot)
}

/// Forwards a part of an answer: to the digest of a trial, to stdout, and to later steps of the session; or to a client that
/// reads it.
pub(crate) fn forward_answer(slot: Slot, answer: &[u8]) {
    if written_bytes::are_read(slot) {
        return written_bytes::add(slot, answer);
    }
    let connection = with(|state| state.stream(slot).connection());
    kept_answers::add(connection, answer);
    if answer_digest::is_enabled() {
        answer_digest::add(answer);
    } else if config::is_single_run() {
        answer_output::write(connection, answer);
    }
}

/// Performs shutdown(2) on the server's end.
pub(crate) fn shutdown(slot: Slot, how: c_int) -> Result<(), Errno> {
    if !matches!(how, libc::SHUT_RD | libc::SHUT_WR | libc::SHUT_RDWR) {
        return Err(Errno::INVAL);
    }
    with_arrival(slot, |stream| stream.shutdown(how != libc::SHUT_WR, how != libc::SHUT_RD));
    Ok(())
}

/// Returns the number of bytes that can be read now.
pub(crate) fn unread_len(slot: Slot) -> usize {
    with(|state| state.stream(slot).unread().len())
}

pub(crate) fn is_nonblocking(slot: Slot) -> bool {
    with(|state| state.stream(slot).is_nonblocking())
}

/// Whether the server has made `fd` non-blocking, be it virtual or real.
pub(crate) fn fd_is_nonblocking(fd: RawFd) -> bool {
    match fd_table::slot(fd) {
        Some(slot) => is_nonblocking(slot),
        None => fd::is_nonblocking(fd),
    }
}

/// Returns the file status flags that the server has set on the connection (fcntl(2), F_SETFL).
pub(crate) fn status_flags(slot: Slot) -> c_int {
    with(|state| state.stream(slot).status_flags())
}

pub(crate) fn set_status_flags(slot: Slot, flags: c_int) {
    with(|state| state.stream(slot).set_status_flags(flags));
}

pub(crate) fn set_nonblocking(slot: Slot, wanted: bool) {
    with(|state| state.stream(slot).set_nonblocking(wanted));
}

/// Runs `action` with the time limit of the connection that belongs to a socket option (socket(7), SO_RCVTIMEO
/// and SO_SNDTIMEO). Returns `None` for any other option.
pub(crate) fn with_timeout<R>(
    slot: Slot,
    option: c_int,
    action: impl FnOnce(&mut Option<Duration>) -> R,
) -> Option<R> {
    with(|state| state.stream(slot).timeout(option).map(action))
}

/// Records that the server has closed its last descriptor of the connection.
pub(super) fn connection_closed(slot: Slot) {
    with(|state| {
        state.stream(slot).close();
        state.registrations.remove_source(Source::Connection(slot));
    });
}

/// Leaves a descriptor to the kernel that the server keeps open although the client is gone. Its
/// placeholder behaves like a socket whose peer is gone.
pub(crate) fn abandon(fd: RawFd) {
    with(|state| state.registrations.hand_over(|registration| registration.fd == fd));
}

/// Records that the server has closed its last descriptor of the listener.
pub(super) fn listener_closed() {
    with(|state| state.registrations.remove_source(Source::Listener));
}

/// Value of [`LISTENER_MODE`] until the kernel is asked.
const UNKNOWN: u8 = 2;
static LISTENER_MODE: AtomicU8 = AtomicU8::new(UNKNOWN);

/// Whether the listener is non-blocking; asks the kernel only once.
pub(crate) fn listener_is_nonblocking(fd: RawFd) -> bool {
    if LISTENER_MODE.load(Relaxed) == UNKNOWN {
        LISTENER_MODE.store(fd::is_nonblocking(fd).into(), Relaxed);
    }
    LISTENER_MODE.load(Relaxed) == 1
}

/// Records that the server may have changed the flags of the listener.
pub(crate) fn listener_flags_changed() {
    LISTENER_MODE.store(UNKNOWN, Relaxed);
}
