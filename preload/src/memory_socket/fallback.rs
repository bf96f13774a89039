//! Fallback to transport `unix`, for requests that `memory` cannot serve. Virtual sockets become real, and
//! stay so for the rest of this process.

use std::os::fd::{AsFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering::Relaxed};

use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::{Errno, ioctl_fionbio};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, SendFlags, Shutdown, SocketFlags, SocketType, accept, send, shutdown, socketpair,
};

use super::state::{self, State, with};
use super::stream::{ClientState, MemoryStream, ServerState};
use super::wait_queue;
use crate::net::{listener, transport};
use crate::sys::fd_table::Slot;
use crate::sys::fd_table::{self, FdKind};
use crate::sys::shared_pages::{self, Shareable};
use crate::sys::{fd, report};

/// Client's ends of connections that have become real, until the driver takes them; -1 for none.
static KERNEL_CLIENTS: [AtomicI32; Slot::COUNT] = [const { AtomicI32::new(-1) }; Slot::COUNT];
/// Number of these ends.
static KERNEL_CLIENT_COUNT: AtomicUsize = AtomicUsize::new(0);
/// Flag that all processes of a campaign share.
static NOTICE: OnceLock<&Notice> = OnceLock::new();

/// Whether the notice was emitted.
struct Notice(AtomicBool);

// SAFETY: zero is valid (not emitted), there are no pointers, and the flag is atomic.
unsafe impl Shareable for Notice {}

/// Maps the flag. Must be called before the server forks.
pub(super) fn share_notice() {
    if let Ok(notice) = shared_pages::map() {
        let _ = NOTICE.set(notice);
    }
}

/// Prints, once per campaign, that this server continues with `unix`. `it` is the reason ("it …").
pub(super) fn emit_notice(it: &str) {
    let emitted = NOTICE.get().map(|notice| &notice.0);
    if emitted.is_none_or(|emitted| !emitted.swap(true, Relaxed)) {
        report::status().set_memory_fallback(it);
        report::emit(format_args!("transport memory cannot follow this server ({it}): going on with unix"));
    }
}

/// Falls back to `unix`. `it` is the reason, an action of the server ("it …").
pub(crate) fn fall_back(it: &str) {
    if state::disable() {
        emit_notice(it);
        make_state_real();
    }
}

/// Falls back to `unix` without a notice.
pub(crate) fn switch_to_unix() {
    if state::disable() {
        make_state_real();
    }
}

fn make_state_real() {
    fd_table::release_reserved_from(0);
    with(|state| {
        if let Err(error) = make_all_real(state) {
            report::fatal(format_args!("cannot move a connection from transport memory to unix: {error}"));
        }
        state.registrations.hand_over(|_| true);
    });
    wait_queue::wake_all();
}

/// Returns the client's end, once, if this connection has become real. It is non-blocking.
pub(crate) fn take_kernel_client(slot: Slot) -> Option<OwnedFd> {
    if KERNEL_CLIENT_COUNT.load(Relaxed) == 0 {
        return None;
    }
    let end = KERNEL_CLIENTS[slot.index()].swap(-1, Relaxed);
    if end < 0 {
        return None;
    }
    KERNEL_CLIENT_COUNT.fetch_sub(1, Relaxed);
    // SAFETY: `make_real` has stored an open descriptor that nothing else owns, and the swap takes it only once.
    Some(unsafe { OwnedFd::from_raw_fd(end) })
}

/// Sends the bytes that the server had not read before the connection became real, and then the end of the
/// input. Returns whether any bytes were sent.
pub(crate) fn catch_up(slot: Slot, client: impl AsFd) -> bool {
    with(|state| {
        let stream = state.stream(slot);
        !stream.unread().is_empty() && stream.catch_up(client)
    })
}

impl MemoryStream {
    fn catch_up(&mut self, client: impl AsFd) -> bool {
        let before = self.unread().len();
        while !self.unread().is_empty() {
            match send(&client, self.unread(), SendFlags::NOSIGNAL) {
                Ok(count) => self.consume(count),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                // The server reads no more.
                Err(_) => self.consume(self.unread().len()),
            }
        }
        if self.unread().is_empty() && self.client() == ClientState::HalfClosed {
            let _ = shutdown(client, Shutdown::Write);
        }
        self.unread().len() < before
    }
}

fn make_all_real(state: &mut State) -> Result<(), Errno> {
    // Accepted connections come first: `pair` accepts at the listener, where no other connection may wait then.
    for slot in Slot::all() {
        if state.stream(slot).server() == ServerState::Open {
            make_real(slot, state.stream(slot))?;
        }
    }
    while let Some(slot) = state.unaccepted.pop() {
        make_real(slot, state.stream(slot))?;
    }
    Ok(())
}

fn make_real(slot: Slot, stream: &mut MemoryStream) -> Result<(), Errno> {
    let client = match stream.server() {
        ServerState::Open => {
            let (client, server) = pair()?;
            if stream.will_reset() {
                transport::send_greeting(&server);
            }
            replace_server_end(slot, stream, server)?;
            client
        }
        ServerState::Unaccepted | ServerState::Closed => connect(stream.will_reset())?,
    };
    stream.catch_up(&client);
    if stream.client() != ClientState::Gone {
        KERNEL_CLIENTS[slot.index()].store(client.into_raw_fd(), Relaxed);
        KERNEL_CLIENT_COUNT.fetch_add(1, Relaxed);
    }
    Ok(())
}

fn replace_server_end(slot: Slot, stream: &MemoryStream, server: OwnedFd) -> Result<(), Errno> {
    fcntl_setfl(&server, OFlags::from_bits_retain(stream.status_flags().cast_unsigned()))?;
    let timeouts = stream.timeouts();
    set_socket_timeout(&server, Timeout::Recv, timeouts.receiving)?;
    set_socket_timeout(&server, Timeout::Send, timeouts.sending)?;
    let (reading, writing) = stream.has_shut();
    for (_, half) in [(reading, Shutdown::Read), (writing, Shutdown::Write)].iter().filter(|(shut, _)| *shut)
    {
        shutdown(&server, *half)?;
    }
    fd_table::fds_of(slot).try_for_each(|fd| {
        fd::replace(fd, &server)?;
        fd_table::set(fd, FdKind::Connection);
        Ok(())
    })
}

/// Returns both ends of a connection through the listener, so that its address belongs to the listener; those of
/// a plain pair if the server no longer listens.
fn pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    let through_listener = |listener: RawFd| {
        let client = connect(false)?;
        Ok::<_, Errno>((client, accept(fd::borrow(listener))?))
    };
    if let Some(listener) = listener::fd()
        && let Ok(pair) = through_listener(listener)
    {
        return Ok(pair);
    }
    let (client, server) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    ioctl_fionbio(&client, true)?;
    Ok((client, server))
}

fn connect(will_reset: bool) -> Result<OwnedFd, Errno> {
    let listener = listener::current().ok_or(Errno::NOTCONN)?;
    transport::connect(&listener.target, will_reset)
}
