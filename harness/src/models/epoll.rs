//! A single thread around epoll: the listener is level-triggered, connections are edge-triggered.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Instant;
use std::{mem, ptr};

use super::nonblocking::{Peer, timeout};
use super::{READ_SIZE, accept};
use crate::Site;

/// Maximum number of events per call of epoll_wait.
const MAX_EVENTS: usize = 64;

const EDGES: i32 = libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLET;

pub(super) fn serve(listener: &TcpListener, site: Site) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let epoll = Epoll::new()?;
    epoll.add(listener, libc::EPOLLIN)?;
    let mut peers: HashMap<RawFd, Peer> = HashMap::new();
    let mut buffer = [0; READ_SIZE];
    loop {
        for ready in epoll.wait(timeout(peers.values().map(Peer::deadline)))? {
            if ready == listener.as_raw_fd() {
                if let Some(stream) = accept_one(listener)? {
                    epoll.add(&stream, EDGES)?;
                    peers.insert(stream.as_raw_fd(), Peer::new(stream, site));
                }
            } else if let Some(peer) = peers.get_mut(&ready)
                && !peer.advance(&mut buffer)
            {
                // Closing the descriptor also removes it from the epoll set (epoll(7)).
                peers.remove(&ready);
            }
        }
        let now = Instant::now();
        peers.retain(|_, peer| peer.deadline() > now);
    }
}

/// Accepts a connection as a nonblocking stream; `None` if there is none, or if the error is temporary.
fn accept_one(listener: &TcpListener) -> io::Result<Option<TcpStream>> {
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: the listener is open, and null pointers are valid for an unwanted address (accept(2)).
    let fd = unsafe { libc::accept4(listener.as_raw_fd(), ptr::null_mut(), ptr::null_mut(), flags) };
    if fd < 0 {
        let error = io::Error::last_os_error();
        return match error.kind() {
            ErrorKind::WouldBlock => Ok(None),
            _ => accept::survive(error).map(|()| None),
        };
    }
    // SAFETY: accept4 has just opened this descriptor, and nothing else owns it.
    Ok(Some(unsafe { TcpStream::from_raw_fd(fd) }))
}

struct Epoll(OwnedFd);

impl Epoll {
    fn new() -> io::Result<Self> {
        // SAFETY: epoll_create1 takes no pointers.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: epoll_create1 has just opened this descriptor, and nothing else owns it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Adds `fd` to the epoll set, with the descriptor as the data of its events.
    fn add(&self, fd: &impl AsRawFd, events: i32) -> io::Result<()> {
        let fd = fd.as_raw_fd();
        let mut event =
            libc::epoll_event { events: events.cast_unsigned(), u64: u64::from(fd.cast_unsigned()) };
        // SAFETY: `event` lives during the call, which only reads it.
        check(unsafe { libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_ADD, fd, &raw mut event) })?;
        Ok(())
    }

    /// Returns the descriptors that are ready within `timeout` milliseconds; −1 waits without a limit.
    fn wait(&self, timeout: i32) -> io::Result<impl Iterator<Item = RawFd>> {
        // SAFETY: an epoll_event consists of integers, for which zeros are valid.
        let mut events: [libc::epoll_event; MAX_EVENTS] = unsafe { mem::zeroed() };
        // SAFETY: the kernel writes at most MAX_EVENTS events, for which `events` has room.
        let count = check(unsafe {
            libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), MAX_EVENTS as i32, timeout)
        });
        let count = match count {
            Err(error) if error.kind() == ErrorKind::Interrupted => 0,
            count => usize::try_from(count?).unwrap_or(0),
        };
        Ok(events.into_iter().take(count).map(|event| event.u64 as RawFd))
    }
}

fn check(result: i32) -> io::Result<i32> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}
