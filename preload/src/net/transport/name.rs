//! Names of UNIX-domain listeners in the abstract namespace. A name says what the server is shown
//! in its place, so that whoever is handed the socket, or a connection to it, over `exec` or by
//! another process, can be shown the same.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use rustix::io::Errno;
use rustix::net::{SocketAddrUnix, bind, getsockname};

use crate::net::address::Address;

const PREFIX: &[u8] = b"sockfuzz/";
/// Stands before what is no IP address.
const PATH: &[u8] = b"unix:";

/// Names that are tried. Another process may have the same number, in a namespace of its own.
const MAX_NAME_ATTEMPTS: usize = 1000;

/// Gives `socket` a name that is free.
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
            // Too long a path: go without, the kernel picks a name (unix(7), autobind).
            Err(_) => break,
        }
    }
    bind(socket, &SocketAddrUnix::new_unnamed())
}

/// What the server is shown in the place of this socket of ours, or of a connection to one.
pub(super) fn read(socket: impl AsFd) -> Option<Address> {
    let name: SocketAddrUnix = getsockname(socket).ok()?.try_into().ok()?;
    let rest = name.abstract_name()?.strip_prefix(PREFIX)?;
    decode(rest.splitn(2, |&byte| byte == b'/').nth(1)?)
}

/// The address that [`encode`] was given.
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
    fn a_name_says_what_is_shown() {
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
    fn a_path_too_long_for_a_name_goes_without() {
        let shown = Address::from_path(&[b'x'; 100]).expect("short enough");
        let socket = socket(AddressFamily::UNIX, SocketType::STREAM, None).expect("a socket");
        bind_unique(&socket, &shown).expect("a free name");
        assert_eq!(read(&socket), None);
    }
}
