//! Falling back to transport `unix`, for what memory cannot honour. What was virtual becomes real, and
//! stays so for the rest of this process.

use std::os::fd::{AsFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, Ordering::Relaxed};

use rustix::io::{Errno, ioctl_fionbio};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
use rustix::net::{
    AddressFamily, SendFlags, Shutdown, SocketFlags, SocketType, accept, send, shutdown, socketpair,
};

use super::channel::{Channel, Client, Server};
use super::{ON, with};
use crate::descriptors::{self, Kind};
use crate::{listener, report, transport};

/// The client's end of a connection that has become real, until the driver takes it.
static CLIENT_END: AtomicI32 = AtomicI32::new(-1);
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
        report::status().leave_memory(it);
        report::say(format_args!("transport memory cannot follow this server ({it}): going on with unix"));
    }
}

/// Makes everything real, because `it` (the server) is about to do something.
pub(crate) fn leave(it: &str) {
    if !ON.swap(false, Relaxed) {
        return;
    }
    say_once(it);
    with(|state| {
        if let Err(error) = make_real(&mut state.channel) {
            report::fatal(format_args!("the connection could not be moved to transport unix: {error}"));
        }
        state.table.hand_over(|_| true);
    });
}

/// The client's end, once, if a connection has become real; it does not block.
pub(crate) fn take_client_end() -> Option<OwnedFd> {
    if CLIENT_END.load(Relaxed) < 0 {
        return None;
    }
    // SAFETY: stored below, and taken once.
    Some(unsafe { OwnedFd::from_raw_fd(CLIENT_END.swap(-1, Relaxed)) })
}

/// Sends what the server had not read yet, once the connection is real, and then the end of the input:
/// whether anything moved.
pub(crate) fn catch_up(client: impl AsFd) -> bool {
    with(|state| !state.channel.unread().is_empty() && state.channel.catch_up(client))
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

fn make_real(channel: &mut Channel) -> Result<(), Errno> {
    let client = match channel.server() {
        Server::Closed => return Ok(()),
        Server::Unaccepted => connect()?,
        Server::Open => {
            let (client, server) = pair()?;
            replace_server_end(channel, server)?;
            client
        }
    };
    channel.catch_up(&client);
    if channel.client() != Client::Gone {
        CLIENT_END.store(client.into_raw_fd(), Relaxed);
    }
    Ok(())
}

fn replace_server_end(channel: &Channel, server: OwnedFd) -> Result<(), Errno> {
    ioctl_fionbio(&server, channel.is_nonblocking())?;
    let (reading, writing) = channel.has_shut();
    for (_, half) in [(reading, Shutdown::Read), (writing, Shutdown::Write)].iter().filter(|(shut, _)| *shut)
    {
        shutdown(&server, *half)?;
    }
    descriptors::virtual_ones().try_for_each(|fd| {
        descriptors::replace(fd, &server)?;
        descriptors::set(fd, Kind::Connection);
        Ok(())
    })
}

/// A connection by way of the listener, so that its name says whose it is; a plain pair, if the server
/// listens no more.
fn pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    let through_listener = |listener: RawFd| {
        let client = connect()?;
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

fn connect() -> Result<OwnedFd, Errno> {
    let listener = listener::current().ok_or(Errno::NOTCONN)?;
    transport::connect(&listener.target)
}
