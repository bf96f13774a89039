//! Transport `memory`: an overlay over `unix`. The listener is a real one and waits in silence; the
//! server's end of a connection has a real number, but its bytes and its readiness are kept here, and
//! so are the registrations of both with epoll. Only for a server with one thread and no children:
//! nothing here is locked, and nothing need be, since the client is played from inside the server's
//! own calls. Whatever else the server turns out to want ends it: see [`leave`].

mod channel;
mod epoll;
mod instances;
mod leave;
mod placeholder;
mod readiness;

use std::cell::UnsafeCell;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};

use libc::{c_int, iovec};
use rustix::io::Errno;
use sockfuzz_contract::{Counter, Phase, Transport};

use crate::descriptors::{self, Kind};
use crate::setup::{self, Pace};
use crate::{afl, idle, listener, report, stdio};

use channel::Channel;
use epoll::{Source, Table};

pub(crate) use leave::{catch_up, leave, take_client_end};
pub(crate) use readiness::{
    concerns_epoll, duplicate_epoll, epoll_asks_kernel, epoll_collect, epoll_ctl, forget_epoll, note_polled,
    note_real_registration, readiness,
};

static ON: AtomicBool = AtomicBool::new(false);
static STATE: OneThread = OneThread(UnsafeCell::new(State { channel: Channel::new(), table: Table::new() }));

struct State {
    channel: Channel,
    table: Table,
}

struct OneThread(UnsafeCell<State>);

// SAFETY: used while the process has one thread; afterwards, what is left of the input only by the
// thread that holds the driver's role.
unsafe impl Sync for OneThread {}

/// Calls of this module do not nest.
fn with<R>(action: impl FnOnce(&mut State) -> R) -> R {
    // SAFETY: see above.
    action(unsafe { &mut *STATE.0.get() })
}

/// Whether the listener and its connections are virtual now.
pub(crate) fn is_on() -> bool {
    ON.load(Relaxed)
}

/// Before the server's `main`: a server may lower its own limits.
pub(crate) fn prepare(transport: Transport) {
    if transport != Transport::Memory {
        return;
    }
    leave::share_notice();
    if afl::learns_from_answers() {
        leave::say_once("its answers stand in for its coverage, and memory drops them");
    } else if let Err(error) = placeholder::make() {
        report::status().leave_memory("there is no descriptor for it");
        report::say(format_args!("transport memory needs a descriptor ({error}): going on with unix"));
    }
}

/// There is a listener now; it becomes virtual if this server was started for that.
pub(crate) fn engage() {
    if !placeholder::exists() {
        return;
    }
    if idle::server_has_one_thread() {
        ON.store(true, Relaxed);
    } else {
        leave::say_once("it has threads, or children");
    }
}

// The client's side.

/// A connection is made, and waits to be accepted.
pub(crate) fn connect() {
    with(|state| {
        state.channel.open();
        state.table.arrival(Source::Listener);
    });
}

/// Sends what there is room for: the number of bytes. `None` when the server wants no more.
pub(crate) fn send(bytes: &[u8]) -> Option<usize> {
    with(|state| {
        let sent = state.channel.send(bytes)?;
        state.table.arrival(Source::Connection);
        Some(sent)
    })
}

/// The client sends no more.
pub(crate) fn half_close() {
    with(|state| {
        state.channel.half_close();
        state.table.arrival(Source::Connection);
    });
}

/// Whether the server has answered since the last time, and whether it may answer more.
pub(crate) fn take_answered() -> (bool, bool) {
    with(|state| state.channel.take_answered())
}

/// The client is gone. A connection that nobody has accepted goes with it.
pub(crate) fn hang_up() {
    let unaccepted = with(|state| {
        state.table.arrival(Source::Connection);
        state.channel.hang_up()
    });
    if unaccepted {
        listener::claim();
    }
}

/// The client of a real connection is gone: what it had still to send is not for the next one.
pub(crate) fn drop_unread() {
    with(|state| state.channel.consume(state.channel.unread().len()));
}

// The server's side.

/// Accepts the connection that waits: its number.
pub(crate) fn accept(flags: c_int) -> Result<RawFd, Errno> {
    if flags & !(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC) != 0 {
        return Err(Errno::INVAL);
    }
    let number = placeholder::duplicate(flags & libc::SOCK_CLOEXEC != 0)?;
    with(|state| state.channel.accept(flags & libc::SOCK_NONBLOCK != 0));
    descriptors::set(number, Kind::Virtual);
    Ok(number)
}

/// Moves unread bytes into `parts`: how many; 0 at the end of the input, `None` when there are none
/// yet. Peeking leaves them unread.
///
/// # Safety
/// The parts are the server's own buffers.
pub(crate) unsafe fn receive(parts: &[iovec], peek: bool) -> Option<usize> {
    // SAFETY: given by the caller.
    with(|state| unsafe { state.channel.receive(parts, peek) })
}

/// Whether an answer would still reach the client.
pub(crate) fn is_writable() -> bool {
    with(|state| state.channel.is_writable())
}

/// Answers: the bytes are counted, and in a single run they go out at once.
///
/// # Safety
/// The parts are the server's own buffers.
pub(crate) unsafe fn answer(parts: &[iovec]) -> usize {
    let total = parts.iter().map(|part| part.iov_len).sum();
    note_answer(total);
    if is_shown() {
        for part in parts.iter().filter(|part| part.iov_len > 0) {
            // SAFETY: given by the caller.
            stdio::answer(unsafe { std::slice::from_raw_parts(part.iov_base.cast::<u8>(), part.iov_len) });
        }
    }
    total
}

/// Counts an answer of so many bytes.
pub(crate) fn note_answer(total: usize) {
    if total > 0 {
        with(|state| state.channel.note_answer());
        let status = report::status();
        status.reach(Phase::Answered);
        status.add(Counter::AnswerBytes, total as u64);
    }
}

/// Whether answers are shown at all: in a single run.
pub(crate) fn is_shown() -> bool {
    setup::get().is_some_and(|setup| setup.pace == Pace::Once)
}

/// shutdown(2) of the server's end.
pub(crate) fn shutdown(how: c_int) -> Result<(), Errno> {
    if !matches!(how, libc::SHUT_RD | libc::SHUT_WR | libc::SHUT_RDWR) {
        return Err(Errno::INVAL);
    }
    with(|state| {
        state.channel.shutdown(how != libc::SHUT_WR, how != libc::SHUT_RD);
        state.table.arrival(Source::Connection);
    });
    Ok(())
}

/// Bytes that could be read now.
pub(crate) fn unread() -> usize {
    with(|state| state.channel.unread().len())
}

pub(crate) fn is_nonblocking() -> bool {
    with(|state| state.channel.is_nonblocking())
}

pub(crate) fn set_nonblocking(wanted: bool) {
    with(|state| state.channel.set_nonblocking(wanted));
}

/// The server has closed its last descriptor of the connection.
pub(crate) fn connection_closed() {
    with(|state| {
        state.channel.close();
        state.table.remove_source(Source::Connection);
    });
}

/// The server does not close its end although the client is gone: from now on it is a real socket of
/// that kind, which is what the placeholder is.
pub(crate) fn forsake(fd: RawFd) {
    with(|state| state.table.hand_over(|registration| registration.fd == fd));
}

/// The server has closed its last descriptor of the listener.
pub(crate) fn listener_closed() {
    with(|state| state.table.remove_source(Source::Listener));
}

/// [`listener_is_nonblocking`]: not asked yet.
const UNKNOWN: u8 = 2;
static LISTENER_MODE: AtomicU8 = AtomicU8::new(UNKNOWN);

/// Whether the listener does not block; the kernel is asked once.
pub(crate) fn listener_is_nonblocking(fd: RawFd) -> bool {
    if LISTENER_MODE.load(Relaxed) == UNKNOWN {
        LISTENER_MODE.store(descriptors::is_nonblocking(fd).into(), Relaxed);
    }
    LISTENER_MODE.load(Relaxed) == 1
}

/// The server changes how it uses the listener.
pub(crate) fn listener_mode_changes() {
    LISTENER_MODE.store(UNKNOWN, Relaxed);
}
