//! How a client resets a connection. TCP has a way (socket(7), SO_LINGER). UNIX-domain sockets have
//! another: the peer of one that is closed with something unread is told `ECONNRESET`, by the same
//! errors and the same readiness as over TCP. So there has to be something unread. A client that is
//! going to reset has a name that says so; to such a client, whoever accepts the connection sends a
//! byte before the server sees it, and the client always leaves a byte unread.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::sockopt::set_socket_linger;
use rustix::net::{SendFlags, SocketAddrUnix, bind, send};

/// What whoever accepts the connection sends: no answer begins so.
pub(crate) const GREETING: u8 = 0xF5;

const PREFIX: &[u8] = b"sockfuzz-reset/";

/// Names that are tried. Another process may have the same number, in a namespace of its own.
const MAX_NAME_ATTEMPTS: usize = 1000;

/// Gives a client's socket, before it connects, the name that says what it is going to do.
pub(super) fn mark_for_reset(client: impl AsFd) -> Result<(), Errno> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for _ in 0..MAX_NAME_ATTEMPTS {
        let unique = format!("{}.{}", rustix::process::getpid(), NEXT.fetch_add(1, Relaxed));
        let name = SocketAddrUnix::new_abstract_name(&[PREFIX, unique.as_bytes()].concat())?;
        match bind(&client, &name) {
            Err(Errno::ADDRINUSE) => {}
            other => return other,
        }
    }
    Err(Errno::ADDRINUSE)
}

/// Whether a client with this name is going to reset.
pub(crate) fn is_marked_for_reset(client: &SocketAddrUnix) -> bool {
    client.abstract_name().is_some_and(|name| name.starts_with(PREFIX))
}

/// Sends such a client the byte. It fails only where the client is gone already.
pub(crate) fn send_greeting(server: impl AsFd) {
    let _client_is_gone = send(server, &[GREETING], SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
}

/// The client's end, which has left something unread, is about to be closed: by a reset.
pub(crate) fn set_reset_on_close(client: impl AsFd) {
    // A UNIX-domain socket takes the option and ignores it.
    let _closed_by_the_server = set_socket_linger(client, Some(Duration::ZERO));
}
