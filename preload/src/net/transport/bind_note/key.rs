//! Note of a TCP socket: its key for Fast Open (tcp(7); linux/tcp.h: TCP_FASTOPEN_KEY). Any user may set it, and it has
//! no effect on a socket that makes no such connections. It holds a magic number, the address's family and port, the
//! address, and the scope of an IPv6 address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::RawFd;

use libc::{IPPROTO_TCP, c_int, socklen_t};

use crate::sys::real;

/// Option that reads and writes the key (linux/tcp.h: TCP_FASTOPEN_KEY).
const KEY: c_int = 33;

/// Bytes of a key and its backup (include/net/tcp.h: TCP_FASTOPEN_KEY_BUF_LENGTH).
const KEY_BYTES: usize = 32;

/// Begins every note.
const MAGIC: [u8; 4] = *b"sfzn";

const V4: u8 = 4;
const V6: u8 = 6;

type Key = [u8; KEY_BYTES];

pub(super) fn write(fd: RawFd, address: SocketAddr) {
    set(fd, &encode(address));
}

pub(super) fn read(fd: RawFd) -> Option<SocketAddr> {
    let mut key: Key = [0; KEY_BYTES];
    let mut len = KEY_BYTES as socklen_t;
    // SAFETY: there is room for `len` bytes.
    let done = unsafe { real::getsockopt(fd, IPPROTO_TCP, KEY, key.as_mut_ptr().cast(), &raw mut len) };
    (done == 0 && len as usize == KEY_BYTES).then(|| decode(&key)).flatten()
}

pub(super) fn remove(fd: RawFd) {
    if read(fd).is_some() {
        // A key cannot be removed, only replaced.
        set(fd, &[0; KEY_BYTES]);
    }
}

fn set(fd: RawFd, key: &Key) {
    // SAFETY: the key is readable, and its size is given.
    unsafe { real::setsockopt(fd, IPPROTO_TCP, KEY, key.as_ptr().cast(), KEY_BYTES as socklen_t) };
}

fn encode(address: SocketAddr) -> Key {
    let mut key = [0; KEY_BYTES];
    let (family, ip, scope) = match address {
        SocketAddr::V4(v4) => (V4, v4.ip().to_ipv6_mapped(), 0),
        SocketAddr::V6(v6) => (V6, *v6.ip(), v6.scope_id()),
    };
    let parts = [&MAGIC[..], &[family], &address.port().to_be_bytes(), &ip.octets(), &scope.to_be_bytes()];
    parts.concat().iter().zip(&mut key).for_each(|(&byte, place)| *place = byte);
    key
}

fn decode(key: &Key) -> Option<SocketAddr> {
    let (family, rest) = key.strip_prefix(&MAGIC)?.split_first()?;
    let (port, rest) = rest.split_first_chunk()?;
    let (ip, rest) = rest.split_first_chunk::<16>()?;
    let (port, ip) = (u16::from_be_bytes(*port), Ipv6Addr::from(*ip));
    match *family {
        V4 => ip.to_ipv4_mapped().map(|ip: Ipv4Addr| SocketAddr::new(IpAddr::V4(ip), port)),
        V6 => Some(SocketAddrV6::new(ip, port, 0, u32::from_be_bytes(*rest.first_chunk()?)).into()),
        _ => None,
    }
}
