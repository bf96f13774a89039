//! Resets of connections by the client. TCP has an option for them (socket(7), SO_LINGER). A UNIX-domain
//! socket resets when it is closed with unread bytes: its peer gets `ECONNRESET`, with the same errors
//! and the same readiness as over TCP. So there must be unread bytes. A client that is going to reset
//! has a name that says so. The hook that accepts its connection sends it a byte before the server sees
//! the connection, and the client always leaves a byte unread.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::sockopt::set_socket_linger;
use rustix::net::{SendFlags, SocketAddrUnix, bind, send};

/// Byte that is sent when the connection is accepted: no answer begins with it.
pub(crate) const GREETING: u8 = 0xF5;

const PREFIX: &[u8] = b"sockfuzz-reset/";

/// Maximum number of names that are tried. Another process may have the same id, in a namespace of its own.
const MAX_NAME_ATTEMPTS: usize = 1000;

/// Binds a client's socket, before it connects, to a name that marks it for a reset.
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

/// Sends the greeting to a client that is marked. It fails only if the client is gone already.
pub(crate) fn send_greeting(server: impl AsFd) {
    let _client_is_gone = send(server, &[GREETING], SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
}

/// Makes the client's end, which has unread bytes and is about to be closed, reset the connection.
pub(crate) fn set_reset_on_close(client: impl AsFd) {
    // A UNIX-domain socket accepts the option and ignores it.
    let _closed_by_the_server = set_socket_linger(client, Some(Duration::ZERO));
}
