//! Transport `memory`: an overlay over `unix`. The listener is a real one and waits in silence; the
//! server's end of a connection has a real number, but its bytes and its readiness are kept here, and
//! so are the registrations of both with epoll. The client is played from inside the server's own calls:
//! of a server with one thread nobody ever waits for what is here, of others [`waiters`] do. What is here is
//! this process's alone: a connection that two processes have ends it, and so does whatever else the
//! server turns out to want. See [`leave`].

mod channel;
mod client;
mod epoll;
mod instances;
mod leave;
mod placeholder;
mod readiness;
mod server;
mod shared;
mod slot;
mod waiters;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use sockfuzz_protocol::Transport;

use crate::{afl, descriptors, report};

use channel::Channel;
use epoll::{Source, Table};
use shared::Shared;
use slot::Queue;

pub(crate) use client::{connect, drop_unread, half_close, hang_up, reset, send, take_answered};
pub(crate) use epoll::ALWAYS;
pub(crate) use leave::{catch_up, leave, take_client_end};
pub(crate) use placeholder::{all_close_on_exec, reserve, vary_numbers};
pub(crate) use readiness::{
    concerns_epoll, duplicate_epoll, epoll_asks_kernel, epoll_collect, epoll_ctl, epoll_has_news,
    forget_epoll, is_ready, note_polled, note_real_registration, readiness,
};
pub(crate) use server::{
    accept, answer, connection_closed, forsake, is_nonblocking, is_shown, is_writable, listener_closed,
    listener_is_nonblocking, listener_mode_changes, note_answer, receive, set_nonblocking, show, shutdown,
    take_error, unread, with_limit,
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
        report::status().set_memory_fallback("there is no descriptor for it");
        report::say(format_args!("transport memory needs a descriptor ({error}): going on with unix"));
    }
}

/// There is a listener now; it becomes virtual if this server was started for that.
pub(crate) fn engage() {
    if placeholder::exists() {
        ON.store(true, Relaxed);
    }
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
