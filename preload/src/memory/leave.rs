//! Falling back to transport `unix`, for what memory cannot honour. What was virtual becomes real, and
//! stays so for the rest of this process.

use std::os::fd::{AsFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicUsize, Ordering::Relaxed};

use rustix::io::{Errno, ioctl_fionbio};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, SendFlags, Shutdown, SocketFlags, SocketType, accept, send, shutdown, socketpair,
};

use super::channel::{Channel, Client, Server};
use super::slot::Slot;
use super::{ON, State, waiters, with};
use crate::descriptors::{self, Kind};
use crate::{listener, report, transport};

/// The client's ends of connections that have become real, until the driver takes them.
static CLIENT_ENDS: [AtomicI32; Slot::COUNT] = [const { AtomicI32::new(-1) }; Slot::COUNT];
/// How many there are.
static ENDS: AtomicUsize = AtomicUsize::new(0);
/// Whether the line was printed, in memory that all processes of a campaign share.
static SAID: AtomicPtr<AtomicBool> = AtomicPtr::new(ptr::null_mut());

/// To be called before the server forks.
pub(super) fn share_notice() {
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new mapping at an address of the kernel's choice; zeroes are a valid `AtomicBool`.
    let page = unsafe { mmap_anonymous(ptr::null_mut(), size_of::<AtomicBool>(), access, MapFlags::SHARED) };
    if let Ok(page) = page {
        SAID.store(page.cast(), Relaxed);
    }
}

/// Says that this server uses `unix`, because `it` does something.
pub(super) fn say_once(it: &str) {
    // SAFETY: null, or a mapping that is never removed.
    let said = unsafe { SAID.load(Relaxed).as_ref() };
    if said.is_none_or(|said| !said.swap(true, Relaxed)) {
        report::status().set_memory_fallback(it);
        report::say(format_args!("transport memory cannot follow this server ({it}): going on with unix"));
    }
}

/// Makes everything real, because `it` (the server) is about to do something.
pub(crate) fn leave(it: &str) {
    if !ON.swap(false, Relaxed) {
        return;
    }
    say_once(it);
    descriptors::give_back_from(0);
    with(|state| {
        if let Err(error) = make_all_real(state) {
            report::fatal(format_args!("a connection could not be moved to transport unix: {error}"));
        }
        state.table.hand_over(|_| true);
    });
    waiters::wake_all();
}

/// The client's end, once, if this connection has become real; it does not block.
pub(crate) fn take_client_end(slot: Slot) -> Option<OwnedFd> {
    if ENDS.load(Relaxed) == 0 {
        return None;
    }
    let end = CLIENT_ENDS[slot.index()].swap(-1, Relaxed);
    if end < 0 {
        return None;
    }
    ENDS.fetch_sub(1, Relaxed);
    // SAFETY: stored below, and taken once.
    Some(unsafe { OwnedFd::from_raw_fd(end) })
}

/// Sends what the server had not read yet, once the connection is real, and then the end of the input:
/// whether anything moved.
pub(crate) fn catch_up(slot: Slot, client: impl AsFd) -> bool {
    with(|state| {
        let channel = state.channel(slot);
        !channel.unread().is_empty() && channel.catch_up(client)
    })
}

impl Channel {
    fn catch_up(&mut self, client: impl AsFd) -> bool {
        let before = self.unread().len();
        while !self.unread().is_empty() {
            match send(&client, self.unread(), SendFlags::NOSIGNAL) {
                Ok(count) => self.consume(count),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                // The server wants no more.
                Err(_) => self.consume(self.unread().len()),
            }
        }
        if self.unread().is_empty() && self.client() == Client::HalfClosed {
            let _ = shutdown(client, Shutdown::Write);
        }
        self.unread().len() < before
    }
}

fn make_all_real(state: &mut State) -> Result<(), Errno> {
    // First those whose two ends are made at once: nothing else may wait at the listener meanwhile.
    for slot in Slot::all() {
        if state.channel(slot).server() == Server::Open {
            make_real(slot, state.channel(slot))?;
        }
    }
    while let Some(slot) = state.waiting.pop() {
        make_real(slot, state.channel(slot))?;
    }
    Ok(())
}

fn make_real(slot: Slot, channel: &mut Channel) -> Result<(), Errno> {
    let client = match channel.server() {
        Server::Open => {
            let (client, server) = pair()?;
            if channel.will_reset() {
                transport::greet(&server);
            }
            replace_server_end(slot, channel, server)?;
            client
        }
        Server::Unaccepted | Server::Closed => connect(channel.will_reset())?,
    };
    channel.catch_up(&client);
    if channel.client() != Client::Gone {
        CLIENT_ENDS[slot.index()].store(client.into_raw_fd(), Relaxed);
        ENDS.fetch_add(1, Relaxed);
    }
    Ok(())
}

fn replace_server_end(slot: Slot, channel: &Channel, server: OwnedFd) -> Result<(), Errno> {
    ioctl_fionbio(&server, channel.is_nonblocking())?;
    let limits = channel.limits();
    set_socket_timeout(&server, Timeout::Recv, limits.receiving)?;
    set_socket_timeout(&server, Timeout::Send, limits.sending)?;
    let (reading, writing) = channel.has_shut();
    for (_, half) in [(reading, Shutdown::Read), (writing, Shutdown::Write)].iter().filter(|(shut, _)| *shut)
    {
        shutdown(&server, *half)?;
    }
    descriptors::of_slot(slot).try_for_each(|fd| {
        descriptors::replace(fd, &server)?;
        descriptors::set(fd, Kind::Connection);
        Ok(())
    })
}

/// A connection by way of the listener, so that its name says whose it is; a plain pair, if the server
/// listens no more.
fn pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    let through_listener = |listener: RawFd| {
        let client = connect(false)?;
        Ok::<_, Errno>((client, accept(descriptors::lend(listener))?))
    };
    if let Some(listener) = listener::descriptor()
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
