//! Socket addresses: conversion between libc's structures and Rust's, and the addresses that the server
//! is shown.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::{fmt, ptr, slice};

use libc::{c_int, sa_family_t, sockaddr, sockaddr_in, sockaddr_in6, sockaddr_un, socklen_t};
use rustix::net::addr::SocketAddrArg;
use rustix::net::{AddressFamily, SocketAddrAny, SocketAddrUnix};

/// Port of the internal client, as the server is shown it: fixed, so that logs and headers that
/// mention it are the same in every iteration.
const CLIENT_PORT: u16 = 54321;

/// An address of a stream socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// AF_INET or AF_INET6.
    Ip(SocketAddr),
    /// AF_UNIX.
    Unix(SocketAddrUnix),
}

impl Address {
    pub(crate) fn family(&self) -> AddressFamily {
        match self {
            Self::Ip(SocketAddr::V4(_)) => AddressFamily::INET,
            Self::Ip(SocketAddr::V6(_)) => AddressFamily::INET6,
            Self::Unix(_) => AddressFamily::UNIX,
        }
    }

    /// TCP port; 0 if there is none.
    pub(crate) fn port(&self) -> u16 {
        match self {
            Self::Ip(ip) => ip.port(),
            Self::Unix(_) => 0,
        }
    }

    /// Contents of `sun_path` of a UNIX-domain address, including the NUL of an abstract name.
    pub(crate) fn path(&self) -> Option<Vec<u8>> {
        match self {
            Self::Ip(_) => None,
            Self::Unix(unix) => match unix.abstract_name() {
                Some(name) => Some([b"\0", name].concat()),
                None => unix.path_bytes().map(<[u8]>::to_vec),
            },
        }
    }

    /// Builds an address from the contents of `sun_path`, which are empty for an unnamed address.
    pub(crate) fn from_path(path: &[u8]) -> Option<Self> {
        let address = match path {
            [] => Ok(SocketAddrUnix::new_unnamed()),
            [0, name @ ..] => SocketAddrUnix::new_abstract_name(name),
            path => SocketAddrUnix::new(path),
        };
        address.ok().map(Self::Unix)
    }

    /// Builds an address from its written form (see [`fmt::Display`]); `None` if it is too long.
    pub(crate) fn from_name(path: &str) -> Option<Self> {
        match path.strip_prefix('@') {
            Some(name) => Self::from_path(&[b"\0", name.as_bytes()].concat()),
            None => Self::from_path(path.as_bytes()),
        }
    }

    pub(crate) fn on_loopback(port: u16) -> Self {
        Self::Ip(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port))
    }
}

impl TryFrom<SocketAddrAny> for Address {
    type Error = ();

    fn try_from(any: SocketAddrAny) -> Result<Self, ()> {
        match any.address_family() {
            AddressFamily::UNIX => any.try_into().map(Self::Unix).map_err(drop),
            _ => any.try_into().map(Self::Ip).map_err(drop),
        }
    }
}

/// Written form of an address; `@` stands for the NUL of an abstract name.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.path().as_deref()) {
            (Self::Ip(ip), _) => ip.fmt(f),
            (_, Some([0, name @ ..])) => write!(f, "@{}", String::from_utf8_lossy(name)),
            (_, path) => f.write_str(&String::from_utf8_lossy(path.unwrap_or_default())),
        }
    }
}

/// Reads an AF_INET, AF_INET6 or AF_UNIX address; `None` for anything else.
///
/// # Safety
/// `address` is null or points at `len` readable bytes.
pub(crate) unsafe fn read(address: *const sockaddr, len: socklen_t) -> Option<Address> {
    let len = len as usize;
    if address.is_null() || len < size_of::<sa_family_t>() {
        return None;
    }
    // SAFETY: at least the family is readable.
    let family = i32::from(unsafe { ptr::read_unaligned(address.cast::<sa_family_t>()) });
    match family {
        libc::AF_INET if len >= size_of::<sockaddr_in>() => {
            // SAFETY: `len` bytes are readable, by this function's contract, and a `sockaddr_in` has no more.
            let v4 = unsafe { ptr::read_unaligned(address.cast::<sockaddr_in>()) };
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Some(Address::Ip(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into()))
        }
        libc::AF_INET6 if len >= size_of::<sockaddr_in6>() => {
            // SAFETY: `len` bytes are readable, by this function's contract, and a `sockaddr_in6` has no more.
            let v6 = unsafe { ptr::read_unaligned(address.cast::<sockaddr_in6>()) };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            let v6 = SocketAddrV6::new(ip, u16::from_be(v6.sin6_port), v6.sin6_flowinfo, v6.sin6_scope_id);
            Some(Address::Ip(v6.into()))
        }
        libc::AF_UNIX if len <= size_of::<sockaddr_un>() => {
            // SAFETY: `len` bytes are readable, by this function's contract.
            let raw = unsafe { slice::from_raw_parts(address.cast::<u8>(), len) };
            match &raw[size_of::<sa_family_t>()..] {
                name @ [0, ..] => Address::from_path(name),
                // A path ends at its first NUL, whatever the length says (unix(7)).
                path => Address::from_path(path.split(|&byte| byte == 0).next()?),
            }
        }
        _ => None,
    }
}

/// Writes an address as accept(2) does: truncated to the room that `len` gives, with `len` set to the
/// full size. Null pointers mean that no address is wanted.
///
/// # Safety
/// `address` is null or points at `*len` writable bytes.
pub(crate) unsafe fn write(shown: &Address, address: *mut sockaddr, len: *mut socklen_t) {
    if address.is_null() || len.is_null() {
        return;
    }
    // SAFETY: at most `*len` bytes are written, which this function's contract allows, and `raw` has `size` bytes.
    let copy = |raw: *const u8, size| unsafe {
        let room = (*len).min(size) as usize;
        ptr::copy_nonoverlapping(raw, address.cast::<u8>(), room);
        *len = size;
    };
    // SAFETY: the closure reads `size` bytes and does not keep the pointer.
    unsafe {
        match shown {
            Address::Ip(ip) => ip.with_sockaddr(|raw, size| copy(raw.cast::<u8>(), size)),
            Address::Unix(unix) => unix.with_sockaddr(|raw, size| copy(raw.cast::<u8>(), size)),
        }
    }
}

/// Address of the internal client that the server is shown, for a listener at `listener`. A client of a
/// UNIX-domain socket has no name (unix(7)).
pub(crate) fn client_of(listener: &Address) -> Address {
    match listener {
        Address::Ip(ip) => Address::Ip(SocketAddr::new(loopback_like(*ip), CLIENT_PORT)),
        Address::Unix(_) => Address::Unix(SocketAddrUnix::new_unnamed()),
    }
}

/// Address of the server's end of an internal connection, for a listener at `listener`.
pub(crate) fn server_end_of(listener: &Address) -> Address {
    match listener {
        Address::Ip(ip) if ip.ip().is_unspecified() => {
            Address::Ip(SocketAddr::new(loopback_like(*ip), ip.port()))
        }
        other => other.clone(),
    }
}

/// Loopback address of the same family.
pub(crate) fn loopback_like(address: SocketAddr) -> IpAddr {
    match address {
        SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    }
}

/// Address family in the form of libc's functions.
pub(crate) fn raw_family(family: AddressFamily) -> c_int {
    family.as_raw().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(shown: &Address, room: usize) -> (Option<Address>, socklen_t) {
        let mut bytes = [0_u8; 128];
        let mut len = room as socklen_t;
        // SAFETY: `bytes` has room for every address.
        unsafe {
            write(shown, bytes.as_mut_ptr().cast(), &mut len);
            (read(bytes.as_ptr().cast(), len.min(room as socklen_t)), len)
        }
    }

    fn ip(text: &str) -> Address {
        Address::Ip(text.parse().expect("valid"))
    }

    #[test]
    fn addresses_of_all_families_survive_a_round_trip() {
        let unix = |path: &[u8]| Address::from_path(path).expect("short");
        for shown in
            [ip("192.0.2.7:8080"), ip("[2001:db8::1]:443"), unix(b"/run/a socket"), unix(b"\0abstract")]
        {
            assert_eq!(round_trip(&shown, 128).0, Some(shown));
        }
    }

    #[test]
    fn a_short_buffer_is_not_overrun_and_gets_the_full_size() {
        let (read_back, len) = round_trip(&ip("192.0.2.7:8080"), 4);
        assert_eq!(read_back, None);
        assert_eq!(len as usize, size_of::<sockaddr_in>());
    }

    #[test]
    fn a_wildcard_listener_is_reached_over_loopback() {
        let listener = ip("[::]:80");
        assert_eq!(server_end_of(&listener), ip("[::1]:80"));
        assert_eq!(client_of(&listener), ip("[::1]:54321"));
    }

    #[test]
    fn a_path_ends_at_its_first_nul() {
        let mut raw = sockaddr_un { sun_family: libc::AF_UNIX as _, sun_path: [0; 108] };
        raw.sun_path[0] = b'a' as _;
        // SAFETY: the whole structure is readable.
        let address = unsafe { read((&raw const raw).cast(), size_of_val(&raw) as _) };
        assert_eq!(address, Address::from_path(b"a"));
    }

    #[test]
    fn a_client_of_a_path_has_no_name() {
        let client = client_of(&Address::from_path(b"/run/a").expect("short"));
        assert_eq!(round_trip(&client, 128).1 as usize, size_of::<sa_family_t>());
    }
}
