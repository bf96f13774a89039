//! Registrations of a socket with epoll instances from before it listens. Event loops such as Boost.Asio register a socket
//! when they create it. A takeover replaces the socket, and the kernel removes the registrations with the old one.

use std::os::fd::RawFd;
use std::ptr;

use libc::epoll_event;

use crate::net::bound_sockets;
use crate::sys::fdinfo::EpollTarget;
use crate::sys::{epoll_fds, real};

/// Registrations, removed until they are restored.
pub(super) struct EarlyRegistrations(Vec<(RawFd, EpollTarget)>);

impl EarlyRegistrations {
    /// Removes all registrations of the socket, at each of its numbers.
    pub(super) fn remove(fd: RawFd) -> Self {
        let mut numbers = bound_sockets::duplicates(fd);
        numbers.push(fd);
        let mut removed = Vec::new();
        // An instance with several descriptors shows no registration any more at the second one.
        for epoll in epoll_fds::all() {
            for target in epoll_fds::targets(epoll).into_iter().filter(|target| numbers.contains(&target.fd))
            {
                // SAFETY: EPOLL_CTL_DEL ignores the event (epoll_ctl(2)).
                unsafe { real::epoll_ctl(epoll, libc::EPOLL_CTL_DEL, target.fd, ptr::null_mut()) };
                removed.push((epoll, target));
            }
        }
        Self(removed)
    }

    /// Registers the listener in the place of the socket.
    pub(super) fn restore(self) {
        for (epoll, EpollTarget { fd, events, data }) in self.0 {
            let mut event = epoll_event { events: events.bits(), u64: data };
            // SAFETY: the event outlives the call. A failure leaves the server without this registration.
            unsafe { super::epoll::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, fd, &raw mut event) };
        }
    }
}
