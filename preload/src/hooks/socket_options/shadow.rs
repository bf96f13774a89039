//! Shadows: unconnected TCP sockets that answer for sockets that only the server sees as TCP, with the same options.
//! The listener's shadow is kept; a connection's shadow is made when it is needed, which is rare.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::net::sockopt::{Timeout, socket_timeout};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use super::log;
use crate::net::tcp_options::{self, OptionSet};
use crate::sys::{fd, fd_table};

static LISTENER_FD: AtomicI32 = AtomicI32::new(-1);
/// SO_RCVTIMEO and SO_SNDTIMEO of the listener in nanoseconds; 0 for none.
static LISTENER_LIMITS: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];

fn fresh(family: AddressFamily) -> Result<OwnedFd, Errno> {
    socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)
}

/// Options that are set on the listener; [`UNKNOWN`] until they are compared.
static INHERITED: AtomicU64 = AtomicU64::new(UNKNOWN);
const UNKNOWN: u64 = u64::MAX;

/// Copies the options of the server's socket to the listener's shadow, before another socket takes its place.
pub(super) fn keep_listener(own: RawFd, family: AddressFamily) {
    if LISTENER_FD.load(Relaxed) < 0
        && let Ok(shadow) = listener(family)
    {
        tcp_options::copy(fd::borrow(own), shadow);
        options_changed();
        // Compares before the server forks: a child process for each connection would compare each time.
        if let Ok(connection) = fresh(family) {
            let _kept_for_later = inherited(shadow, &connection);
        }
    }
}

/// Returns the shadow of the listener, and makes it if necessary.
pub(super) fn listener(family: AddressFamily) -> Result<BorrowedFd<'static>, Errno> {
    let known = LISTENER_FD.load(Relaxed);
    if known >= 0 {
        return Ok(fd::borrow(known));
    }
    let kept = fcntl_dupfd_cloexec(fresh(family)?, fd_table::FIRST_PROTECTED_FD)?.into_raw_fd();
    fd_table::protect(kept);
    LISTENER_FD.store(kept, Relaxed);
    Ok(fd::borrow(kept))
}

/// Makes the shadow of a connection.
pub(super) fn connection(fd: RawFd, family: AddressFamily) -> Result<OwnedFd, Errno> {
    let shadow = fresh(family)?;
    let kept = LISTENER_FD.load(Relaxed);
    if kept >= 0 {
        let kept = fd::borrow(kept);
        tcp_options::copy_some(inherited(kept, &shadow), kept, &shadow);
    }
    log::replay(fd, &shadow);
    Ok(shadow)
}

/// Options that are set on the listener: those in which it differs from a fresh socket.
fn inherited(listener: BorrowedFd<'_>, fresh: &OwnedFd) -> OptionSet {
    if INHERITED.load(Relaxed) == UNKNOWN {
        INHERITED.store(OptionSet::different(listener, fresh).to_number(), Relaxed);
    }
    OptionSet::from_number(INHERITED.load(Relaxed))
}

/// Follows a change of the listener's options.
pub(super) fn options_changed() {
    INHERITED.store(UNKNOWN, Relaxed);
    let kept = LISTENER_FD.load(Relaxed);
    if kept < 0 {
        return;
    }
    for (limit, which) in LISTENER_LIMITS.iter().zip([Timeout::Recv, Timeout::Send]) {
        let wanted = socket_timeout(fd::borrow(kept), which).ok().flatten();
        let nanoseconds = wanted.map_or(0, |wanted| u64::try_from(wanted.as_nanos()).unwrap_or(0));
        limit.store(nanoseconds, Relaxed);
    }
}

/// SO_RCVTIMEO and SO_SNDTIMEO of the listener.
pub(super) fn limits() -> [Option<Duration>; 2] {
    LISTENER_LIMITS.each_ref().map(|limit| match limit.load(Relaxed) {
        0 => None,
        nanoseconds => Some(Duration::from_nanos(nanoseconds)),
    })
}

/// Descriptor number of a shadow, for libc's functions.
pub(super) fn number(shadow: &impl AsFd) -> RawFd {
    shadow.as_fd().as_raw_fd()
}
