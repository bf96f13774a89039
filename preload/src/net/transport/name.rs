//! Names of UNIX-domain listeners in the abstract namespace. A name contains the address that the server
//! is shown instead, so that a program that gets the socket, or a connection to it, over `exec` or from
//! another process, is shown the same address.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use rustix::io::Errno;
use rustix::net::{SocketAddrUnix, bind, getsockname};

use crate::net::address::Address;

const PREFIX: &[u8] = b"sockfuzz/";
/// Prefix of an address that is not an IP address.
const PATH: &[u8] = b"unix:";

/// Maximum number of names that are tried. Another process may have the same id, in a namespace of its own.
const MAX_NAME_ATTEMPTS: usize = 1000;

/// Binds `socket` to a free name.
pub(super) fn bind_unique(socket: impl AsFd, shown: &Address) -> Result<(), Errno> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let shown = encode(shown);
    for _ in 0..MAX_NAME_ATTEMPTS {
        let unique = format!("{}.{}/", rustix::process::getpid(), NEXT.fetch_add(1, Relaxed));
        match SocketAddrUnix::new_abstract_name(&[PREFIX, unique.as_bytes(), &shown].concat()) {
            Ok(name) => match bind(&socket, &name) {
                Err(Errno::ADDRINUSE) => {}
                other => return other,
            },
            // The path is too long for a name: the kernel picks one (unix(7), autobind).
            Err(_) => break,
        }
    }
    bind(socket, &SocketAddrUnix::new_unnamed())
}

/// Reads the address that the server is shown from the name of a listener, or of a connection to it.
pub(super) fn read(socket: impl AsFd) -> Option<Address> {
    let name: SocketAddrUnix = getsockname(socket).ok()?.try_into().ok()?;
    let rest = name.abstract_name()?.strip_prefix(PREFIX)?;
    decode(rest.splitn(2, |&byte| byte == b'/').nth(1)?)
}

/// Returns the address that [`encode`] was given.
pub(super) fn decode(shown: &[u8]) -> Option<Address> {
    match shown.strip_prefix(PATH) {
        Some(path) => Address::from_path(path),
        None => std::str::from_utf8(shown).ok()?.parse().ok().map(Address::Ip),
    }
}

pub(super) fn encode(shown: &Address) -> Vec<u8> {
    match shown.path() {
        Some(path) => [PATH, &path].concat(),
        None => shown.to_string().into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use rustix::net::{AddressFamily, SocketType, socket};

    use super::*;

    #[test]
    fn a_name_contains_the_shown_address() {
        let shown = [
            Address::Ip("[::1]:80".parse().expect("valid")),
            Address::from_path(b"/run/with/slash").expect("short"),
            Address::from_path(b"\0name").expect("short"),
        ];
        for shown in shown {
            let socket = socket(AddressFamily::UNIX, SocketType::STREAM, None).expect("a socket");
            bind_unique(&socket, &shown).expect("a free name");
            assert_eq!(read(&socket), Some(shown));
        }
    }

    #[test]
    fn a_path_too_long_for_a_name_is_left_out() {
        let shown = Address::from_path(&[b'x'; 100]).expect("short enough");
        let socket = socket(AddressFamily::UNIX, SocketType::STREAM, None).expect("a socket");
        bind_unique(&socket, &shown).expect("a free name");
        assert_eq!(read(&socket), None);
    }
}
