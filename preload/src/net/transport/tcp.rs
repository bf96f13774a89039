//! Transport `tcp`: a real loopback connection. The server's socket is bound to a port that the kernel
//! picks on the loopback address, whatever the server requested.

use std::ffi::c_int;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::ioctl::{Getter, Opcode, ioctl};
use rustix::net::{
    AddressFamily, SocketFlags, SocketType, bind, connect as connect_to, getsockname, socket, socket_with,
    sockopt,
};

use crate::determinism::clock;
use crate::net::{address, tcp_options};
use crate::sys::fd;

/// Time limit for the server's backlog to take a connection, which it does at once except on a busy
/// machine. A full backlog does not answer, and the kernel asks it again only after a second (tcp(7)).
const CONNECT_TIMEOUT: Duration = Duration::from_millis(200);

pub(super) fn take_over(fd: RawFd, shown: SocketAddr) -> Result<SocketAddr, Errno> {
    let listener = fd::borrow(fd);
    bind(listener, &SocketAddr::new(address::loopback_like(shown), 0))?;
    getsockname(listener)?.try_into()
}

/// Replaces a listening socket by a fresh one, because it cannot be bound again.
pub(super) fn take_over_listening(fd: RawFd, shown: SocketAddr) -> Result<SocketAddr, Errno> {
    let fresh = socket(family(shown), SocketType::STREAM, None)?;
    fcntl_setfl(&fresh, fcntl_getfl(fd::borrow(fd))?)?;
    tcp_options::copy(fd::borrow(fd), &fresh);
    fd::replace(fd, &fresh)?;
    take_over(fd, shown)
}

pub(super) fn connect(address: SocketAddr) -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let client = socket_with(family(address), SocketType::STREAM, flags, None)?;
    sockopt::set_tcp_nodelay(&client, true)?;
    let deadline = clock::real_now() + CONNECT_TIMEOUT;
    // Over loopback, the answer has usually arrived when the call is repeated.
    loop {
        match connect_to(&client, &address) {
            Ok(()) | Err(Errno::ISCONN) => return Ok(client),
            Err(Errno::INPROGRESS) => {}
            Err(Errno::ALREADY) => await_answer(&client, deadline)?,
            Err(error) => return Err(error),
        }
    }
}

/// Waits for the backlog's answer. A full backlog gives none, which becomes the `EAGAIN` that a UNIX-domain socket
/// gives at once. (If a signal handler runs meanwhile, the caller connects again.)
fn await_answer(client: &OwnedFd, deadline: Duration) -> Result<(), Errno> {
    let left = Timespec::try_from(deadline.saturating_sub(clock::real_now())).map_err(|_| Errno::INVAL)?;
    match poll(&mut [PollFd::new(client, PollFlags::OUT)], Some(&left)) {
        Ok(0) => Err(Errno::AGAIN),
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Acknowledges at once what the client has received (tcp(7), TCP_QUICKACK). Until then, the kernel holds back what the server
/// has written next, if it is less than a packet (RFC 896), and the server looks idle.
pub(crate) fn acknowledge(client: impl AsFd) {
    let _closed_by_the_server = sockopt::set_tcp_quickack(client, true);
}

/// Whether bytes of the client's are in flight: sent, but not yet in the server's socket. Loopback
/// delivers at once, except on a busy machine, where a kernel thread does it when it gets to run.
///
/// A FIN that was sent (`half_closed`) counts as a byte, which is ignored: if the server does not read on, the kernel
/// delays its acknowledgement.
pub(crate) fn is_in_flight(client: impl AsFd, half_closed: bool) -> bool {
    /// Bytes that the other side has not acknowledged (tcp(7), SIOCOUTQ).
    const UNACKNOWLEDGED: Opcode = libc::TIOCOUTQ as Opcode;
    /// Bytes that wait for room on the other side (linux/sockios.h, SIOCOUTQNSD).
    const NOT_SENT: Opcode = 0x894B;
    // SAFETY: both requests write one `c_int`.
    let (unacknowledged, not_sent) = unsafe {
        (
            ioctl(&client, Getter::<UNACKNOWLEDGED, c_int>::new()),
            ioctl(&client, Getter::<NOT_SENT, c_int>::new()),
        )
    };
    unacknowledged.is_ok_and(|count| count > half_closed.into()) && not_sent == Ok(0)
}

fn family(address: SocketAddr) -> AddressFamily {
    match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    }
}
