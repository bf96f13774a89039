//! The server's side of a connection, and of the listener: what its calls do.

use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::Duration;

use libc::{c_int, iovec};
use rustix::io::Errno;
use sockfuzz_protocol::{Counter, Phase};

use super::arrival::with_arrival;
use super::epoll::Source;
use super::state::with;
use super::{is_active, placeholder};
use crate::sys::fd_table::Slot;
use crate::sys::fd_table::{self, FdKind};
use crate::sys::user_memory::Unaligned;
use crate::sys::{answer_digest, answer_output, config, fd, report, user_memory};

/// Accepts the connection that waits: its number. `None` when the client has gone meanwhile.
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

/// Moves unread bytes into `parts`: how many; 0 at the end, `AGAIN` when there are none yet, or when the
/// connection has just become real, `CONNRESET` after a reset, `FAULT` where there is no room. Peeking leaves them
/// unread.
///
/// # Safety
/// The parts are the server's own buffers.
pub(crate) unsafe fn receive(slot: Slot, parts: &[Unaligned<iovec>], peek: bool) -> Result<usize, Errno> {
    with(|state| {
        if !is_active() {
            return Err(Errno::AGAIN);
        }
        // SAFETY: given by the caller.
        unsafe { state.stream(slot).receive(parts, peek) }
    })
}

/// Whether an answer would still reach the client from here.
pub(crate) fn is_writable(slot: Slot) -> bool {
    with(|state| is_active() && state.stream(slot).is_writable())
}

/// The error that is pending on the connection; once told, it is over (socket(7), SO_ERROR).
pub(crate) fn take_error(slot: Slot) -> Option<Errno> {
    with(|state| state.stream(slot).take_error())
}

/// Answers: the bytes are counted, and in a single run they go out at once. `FAULT` where the server has none.
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
    if forwards_answers() {
        for part in parts().filter(|part| part.iov_len > 0) {
            // SAFETY: the bytes are readable, see above, and stay as they are by the caller's word.
            let bytes = unsafe { std::slice::from_raw_parts(part.iov_base.cast::<u8>(), part.iov_len) };
            forward_answer(slot, bytes);
        }
    }
    Ok(total)
}

/// Counts an answer of so many bytes.
pub(crate) fn record_answer(slot: Slot, total: usize) {
    if total > 0 {
        with(|state| state.stream(slot).record_answer());
        let status = report::status();
        status.reach(Phase::Answered);
        status.add(Counter::AnswerBytes, total as u64);
    }
}

/// Whether the bytes of answers are used: in a single run, or in a trial of this transport.
pub(crate) fn forwards_answers() -> bool {
    config::is_single_run() || answer_digest::is_enabled()
}

/// Uses a part of an answer.
pub(crate) fn forward_answer(slot: Slot, answer: &[u8]) {
    match answer_digest::is_enabled() {
        true => answer_digest::add(answer),
        false => answer_output::write(with(|state| state.stream(slot).connection()), answer),
    }
}

/// shutdown(2) of the server's end.
pub(crate) fn shutdown(slot: Slot, how: c_int) -> Result<(), Errno> {
    if !matches!(how, libc::SHUT_RD | libc::SHUT_WR | libc::SHUT_RDWR) {
        return Err(Errno::INVAL);
    }
    with_arrival(slot, |stream| stream.shutdown(how != libc::SHUT_WR, how != libc::SHUT_RD));
    Ok(())
}

/// Bytes that could be read now.
pub(crate) fn unread_len(slot: Slot) -> usize {
    with(|state| state.stream(slot).unread().len())
}

pub(crate) fn is_nonblocking(slot: Slot) -> bool {
    with(|state| state.stream(slot).is_nonblocking())
}

/// Whether the server asked for non-blocking calls on any `fd` of its own.
pub(crate) fn fd_is_nonblocking(fd: RawFd) -> bool {
    match fd_table::slot(fd) {
        Some(slot) => is_nonblocking(slot),
        None => fd::is_nonblocking(fd),
    }
}

/// File status flags that the server has set on the connection (fcntl(2), F_SETFL).
pub(crate) fn status_flags(slot: Slot) -> c_int {
    with(|state| state.stream(slot).status_flags())
}

pub(crate) fn set_status_flags(slot: Slot, flags: c_int) {
    with(|state| state.stream(slot).set_status_flags(flags));
}

pub(crate) fn set_nonblocking(slot: Slot, wanted: bool) {
    with(|state| state.stream(slot).set_nonblocking(wanted));
}

/// Does something with the time limit on the connection that a socket's option is about (socket(7), SO_RCVTIMEO
/// and SO_SNDTIMEO); `None` for any other option.
pub(crate) fn with_timeout<R>(
    slot: Slot,
    option: c_int,
    action: impl FnOnce(&mut Option<Duration>) -> R,
) -> Option<R> {
    with(|state| state.stream(slot).timeout(option).map(action))
}

/// The server has closed its last descriptor of the connection.
pub(super) fn connection_closed(slot: Slot) {
    with(|state| {
        state.stream(slot).close();
        state.registrations.remove_source(Source::Connection(slot));
    });
}

/// The server does not close its end although the client is gone: from now on it is a real socket of
/// that kind, which is what the placeholder is.
pub(crate) fn abandon(fd: RawFd) {
    with(|state| state.registrations.hand_over(|registration| registration.fd == fd));
}

/// The server has closed its last descriptor of the listener.
pub(super) fn listener_closed() {
    with(|state| state.registrations.remove_source(Source::Listener));
}

/// [`listener_is_nonblocking`]: not asked yet.
const UNKNOWN: u8 = 2;
static LISTENER_MODE: AtomicU8 = AtomicU8::new(UNKNOWN);

/// Whether the listener does not block; the kernel is asked once.
pub(crate) fn listener_is_nonblocking(fd: RawFd) -> bool {
    if LISTENER_MODE.load(Relaxed) == UNKNOWN {
        LISTENER_MODE.store(fd::is_nonblocking(fd).into(), Relaxed);
    }
    LISTENER_MODE.load(Relaxed) == 1
}

/// The server changes how it uses the listener.
pub(crate) fn listener_flags_changed() {
    LISTENER_MODE.store(UNKNOWN, Relaxed);
}
