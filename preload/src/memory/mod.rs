//! Transport `memory`: an overlay over `unix`. The listener is a real one and waits in silence; the
//! server's end of a connection has a real number, but its bytes and its readiness are kept here, and
//! so are the registrations of both with epoll. The client is played from inside the server's own calls:
//! of a server with one thread nobody ever waits for what is here, of others [`waiters`] do. What is here is
//! this process's alone: a connection that two processes have ends it, and so does whatever else the
//! server turns out to want. See [`leave`].

mod channel;
mod epoll;
mod instances;
mod leave;
mod placeholder;
mod readiness;
mod shared;
mod slot;
mod waiters;

use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};

use libc::{c_int, iovec};
use rustix::io::Errno;
use sockfuzz_contract::session::Connection;
use sockfuzz_contract::{Counter, Phase, Transport};

use crate::descriptors::{self, Kind};
use crate::setup::{self, Pace};
use crate::{afl, backlog, report, stdio};

use channel::{Channel, Client};
use epoll::{Source, Table};
use shared::Shared;
use slot::Queue;

pub(crate) use channel::Limits;
pub(crate) use leave::{catch_up, leave, take_client_end};
pub(crate) use placeholder::{all_close_on_exec, reserve, vary_numbers};
pub(crate) use readiness::{
    concerns_epoll, duplicate_epoll, epoll_asks_kernel, epoll_collect, epoll_ctl, epoll_has_news,
    forget_epoll, is_ready, note_polled, note_real_registration, readiness,
};
pub(crate) use slot::Slot;
pub(crate) use waiters::{Interest, wait_for_news};

static ON: AtomicBool = AtomicBool::new(false);
static STATE: Shared<State> = Shared::new(State {
    channels: [const { Channel::new() }; Slot::COUNT],
    waiting: Queue::new(),
    table: Table::new(),
});

struct State {
    /// Large, but pages that no input needs are none.
    channels: [Channel; Slot::COUNT],
    /// Those that the server has not accepted.
    waiting: Queue,
    table: Table,
}

impl State {
    fn channel(&mut self, slot: Slot) -> &mut Channel {
        &mut self.channels[slot.index()]
    }

    fn find(&self, mut wanted: impl FnMut(&Channel) -> bool) -> Option<Slot> {
        Slot::all().find(|slot| wanted(&self.channels[slot.index()]))
    }
}

/// Calls of this module do not nest.
fn with<R>(action: impl FnOnce(&mut State) -> R) -> R {
    STATE.with(action)
}

/// Does what the server may want to know of a connection.
fn with_news<R>(slot: Slot, action: impl FnOnce(&mut Channel) -> R) -> R {
    let result = with(|state| {
        state.table.arrival(Source::Connection(slot));
        action(state.channel(slot))
    });
    waiters::wake(Source::Connection(slot));
    result
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
    if placeholder::exists() {
        ON.store(true, Relaxed);
    }
}

// The client's side.

/// A connection is made, and waits to be accepted: it is [`backlog::offer`]ed.
pub(crate) fn connect(connection: Connection, will_reset: bool) -> Slot {
    let slot = with(|state| state.find(Channel::is_free)).unwrap_or_else(make_room);
    with(|state| {
        state.channel(slot).open(connection, will_reset);
        state.waiting.push(slot);
        state.table.arrival(Source::Listener);
    });
    // Not before it is there to be accepted.
    backlog::offer();
    waiters::wake(Source::Listener);
    slot
}

/// Gives up a connection that the client has left, and the server has not.
fn make_room() -> Slot {
    let left = with(|state| state.find(|channel| channel.client() == Client::Gone));
    let left = left.expect("a client has fewer connections than there are slots");
    for fd in descriptors::of_slot(left) {
        forsake(fd);
        descriptors::set(fd, Kind::Connection);
    }
    left
}

/// Sends what there is room for: the number of bytes. `None` when the server wants no more.
pub(crate) fn send(slot: Slot, bytes: &[u8]) -> Option<usize> {
    with_news(slot, |channel| channel.send(bytes))
}

/// The client sends no more.
pub(crate) fn half_close(slot: Slot) {
    with_news(slot, Channel::half_close);
}

/// Whether the server has answered since the last time, and whether it may answer more.
pub(crate) fn take_answered(slot: Slot) -> (bool, bool) {
    with(|state| state.channel(slot).take_answered())
}

/// The client is gone. A connection that nobody has accepted goes with it.
pub(crate) fn hang_up(slot: Slot) {
    end(slot, Channel::hang_up);
}

/// The same, and the server is told by an error.
pub(crate) fn reset(slot: Slot) {
    end(slot, Channel::reset);
}

fn end(slot: Slot, how: impl FnOnce(&mut Channel) -> bool) {
    with(|state| state.waiting.remove(slot));
    if with_news(slot, how) {
        backlog::claim();
    }
}

/// The client of a connection that has become real is gone: what it had still to send is not for the
/// next one.
pub(crate) fn drop_unread(slot: Slot) {
    with(|state| {
        let channel = state.channel(slot);
        channel.consume(channel.unread().len());
    });
}

// The server's side.

/// Accepts the connection that waits: its number. `None` when the client has gone meanwhile.
pub(crate) fn accept(flags: c_int) -> Result<Option<RawFd>, Errno> {
    if flags & !(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC) != 0 {
        return Err(Errno::INVAL);
    }
    let number = placeholder::take(flags & libc::SOCK_CLOEXEC != 0)?;
    let slot = with(|state| {
        let slot = state.waiting.pop()?;
        state.channel(slot).accept(flags & libc::SOCK_NONBLOCK != 0);
        Some(slot)
    });
    match slot {
        Some(slot) => descriptors::set(number, Kind::Virtual(slot)),
        None => descriptors::give_back(number),
    }
    Ok(slot.map(|_| number))
}

/// Moves unread bytes into `parts`: how many; 0 at the end, `AGAIN` when there are none yet, or when the
/// connection has just become real, `CONNRESET` after a reset. Peeking leaves them unread.
///
/// # Safety
/// The parts are the server's own buffers.
pub(crate) unsafe fn receive(slot: Slot, parts: &[iovec], peek: bool) -> Result<usize, Errno> {
    with(|state| match is_on() {
        // SAFETY: given by the caller.
        true => unsafe { state.channel(slot).receive(parts, peek) },
        false => Err(Errno::AGAIN),
    })
}

/// Whether an answer would still reach the client from here.
pub(crate) fn is_writable(slot: Slot) -> bool {
    with(|state| is_on() && state.channel(slot).is_writable())
}

/// The error that is pending on the connection; once told, it is over (socket(7), SO_ERROR).
pub(crate) fn take_error(slot: Slot) -> Option<Errno> {
    with(|state| state.channel(slot).take_error())
}

/// Answers: the bytes are counted, and in a single run they go out at once.
///
/// # Safety
/// The parts are the server's own buffers.
pub(crate) unsafe fn answer(slot: Slot, parts: &[iovec]) -> usize {
    let total = parts.iter().map(|part| part.iov_len).sum();
    note_answer(slot, total);
    if is_shown() {
        for part in parts.iter().filter(|part| part.iov_len > 0) {
            // SAFETY: given by the caller.
            let bytes = unsafe { std::slice::from_raw_parts(part.iov_base.cast::<u8>(), part.iov_len) };
            show(slot, bytes);
        }
    }
    total
}

/// Counts an answer of so many bytes.
pub(crate) fn note_answer(slot: Slot, total: usize) {
    if total > 0 {
        with(|state| state.channel(slot).note_answer());
        let status = report::status();
        status.reach(Phase::Answered);
        status.add(Counter::AnswerBytes, total as u64);
    }
}

/// Whether answers are shown at all: in a single run.
pub(crate) fn is_shown() -> bool {
    setup::get().is_some_and(|setup| setup.pace == Pace::Once)
}

/// Shows a part of an answer.
pub(crate) fn show(slot: Slot, answer: &[u8]) {
    stdio::answer(with(|state| state.channel(slot).connection()), answer);
}

/// shutdown(2) of the server's end.
pub(crate) fn shutdown(slot: Slot, how: c_int) -> Result<(), Errno> {
    if !matches!(how, libc::SHUT_RD | libc::SHUT_WR | libc::SHUT_RDWR) {
        return Err(Errno::INVAL);
    }
    with_news(slot, |channel| channel.shutdown(how != libc::SHUT_WR, how != libc::SHUT_RD));
    Ok(())
}

/// Bytes that could be read now.
pub(crate) fn unread(slot: Slot) -> usize {
    with(|state| state.channel(slot).unread().len())
}

pub(crate) fn is_nonblocking(slot: Slot) -> bool {
    with(|state| state.channel(slot).is_nonblocking())
}

pub(crate) fn set_nonblocking(slot: Slot, wanted: bool) {
    with(|state| state.channel(slot).set_nonblocking(wanted));
}

/// The server's time limits on the connection.
pub(crate) fn limits(slot: Slot) -> Limits {
    with(|state| *state.channel(slot).limits())
}

/// It sets one.
pub(crate) fn limit(slot: Slot, set: impl FnOnce(&mut Limits)) {
    with(|state| set(state.channel(slot).limits()));
}

/// The server has closed its last descriptor of the connection.
pub(crate) fn connection_closed(slot: Slot) {
    with(|state| {
        state.channel(slot).close();
        state.table.remove_source(Source::Connection(slot));
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

/// Before the server creates a process. Each has a listener of its own here, and its own clients; but a
/// connection that both have is the kernel's.
pub(crate) fn before_fork() {
    let connected = with(|state| state.find(|channel| !channel.is_free()).is_some());
    if connected {
        leave("it creates a process while it serves");
    }
    descriptors::give_back_from(0);
}

/// In a forked child no other thread waits, for its turn or for news.
pub(crate) fn forget_waiters() {
    shared::forget();
    waiters::forget();
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
