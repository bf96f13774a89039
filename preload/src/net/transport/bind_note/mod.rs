//! Note of the address that the server has bound, attached to the socket until the socket is classified. It follows the
//! socket to its duplicates, over `exec`, and to a process that receives it. What a socket can carry depends on its
//! family; an ordinary user may attach a filter only on some systems.

mod filter;
mod key;

use std::os::fd::RawFd;

use crate::net::address::Address;

/// Writes the note, if the kernel allows it.
pub(crate) fn write(fd: RawFd, address: &Address) {
    match address {
        Address::Ip(ip) => key::write(fd, *ip),
        Address::Unix(_) => filter::write(fd, address),
    }
}

/// Reads the note: the address that the server has bound.
pub(crate) fn read(fd: RawFd) -> Option<Address> {
    key::read(fd).map(Address::Ip).or_else(|| filter::read(fd))
}

/// Removes the note: connections would inherit it from their listener.
pub(crate) fn remove(fd: RawFd) {
    key::remove(fd);
    filter::remove(fd);
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use rustix::net::{AddressFamily, SocketType, socket};

    use super::*;

    #[test]
    fn a_duplicate_has_the_note_until_it_is_removed() {
        let addresses = [
            Address::Ip("[fe80::1%3]:80".parse().expect("valid")),
            Address::Ip("0.0.0.0:65535".parse().expect("valid")),
            Address::from_path(&[b'x'; 100]).expect("short enough"),
        ];
        for address in addresses {
            let socket = socket(address.family(), SocketType::STREAM, None).expect("a socket");
            assert_eq!(read(socket.as_raw_fd()), None);
            write(socket.as_raw_fd(), &address);
            let copy = socket.try_clone().expect("a descriptor");
            let noted = read(copy.as_raw_fd());
            if address.path().is_some() && noted.is_none() {
                assert!(!rustix::process::geteuid().is_root(), "only an ordinary user may be refused");
                continue;
            }
            assert_eq!(noted, Some(address));
            remove(socket.as_raw_fd());
            assert_eq!(read(copy.as_raw_fd()), None);
        }
        let other = socket(AddressFamily::INET, SocketType::DGRAM, None).expect("a socket");
        assert_eq!(read(other.as_raw_fd()), None);
    }
}
