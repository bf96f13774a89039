//! Socket addresses between libc's structures and Rust's, and the ones that the server is shown.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::ptr;

use libc::{sockaddr, sockaddr_in, sockaddr_in6, socklen_t};

/// Port from which the internal client seems to come: fixed, so that logs and headers that mention
/// it are the same in every iteration.
const CLIENT_PORT: u16 = 54321;

/// Reads an AF_INET or AF_INET6 address; `None` for any other family.
///
/// # Safety
/// `address` is null or points at `len` readable bytes.
pub(crate) unsafe fn read(address: *const sockaddr, len: socklen_t) -> Option<SocketAddr> {
    let len = len as usize;
    if address.is_null() || len < size_of::<libc::sa_family_t>() {
        return None;
    }
    // SAFETY: at least the family is readable.
    let family = i32::from(unsafe { ptr::read_unaligned(address.cast::<libc::sa_family_t>()) });
    match family {
        libc::AF_INET if len >= size_of::<sockaddr_in>() => {
            // SAFETY: the caller vouches for `len` bytes.
            let v4 = unsafe { ptr::read_unaligned(address.cast::<sockaddr_in>()) };
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Some(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
        }
        libc::AF_INET6 if len >= size_of::<sockaddr_in6>() => {
            // SAFETY: as above.
            let v6 = unsafe { ptr::read_unaligned(address.cast::<sockaddr_in6>()) };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            Some(SocketAddrV6::new(ip, u16::from_be(v6.sin6_port), v6.sin6_flowinfo, v6.sin6_scope_id).into())
        }
        _ => None,
    }
}

/// Writes an address the way accept(2) does: truncated to the room that `len` gives, with `len` set
/// to the full size. Null pointers mean that nobody asks.
///
/// # Safety
/// `address` is null or points at `*len` writable bytes.
pub(crate) unsafe fn write(shown: SocketAddr, address: *mut sockaddr, len: *mut socklen_t) {
    if address.is_null() || len.is_null() {
        return;
    }
    match shown {
        SocketAddr::V4(v4) => {
            let raw = sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: v4.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from(*v4.ip()).to_be() },
                sin_zero: [0; 8],
            };
            // SAFETY: passed on from the caller.
            unsafe { copy(&raw, address, len) }
        }
        SocketAddr::V6(v6) => {
            let raw = sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: v6.port().to_be(),
                sin6_flowinfo: v6.flowinfo(),
                sin6_addr: libc::in6_addr { s6_addr: v6.ip().octets() },
                sin6_scope_id: v6.scope_id(),
            };
            // SAFETY: passed on from the caller.
            unsafe { copy(&raw, address, len) }
        }
    }
}

/// # Safety
/// `address` points at `*len` writable bytes.
unsafe fn copy<T>(raw: &T, address: *mut sockaddr, len: *mut socklen_t) {
    // SAFETY: at most `*len` bytes are written, and no more than `raw` has.
    unsafe {
        let room = (*len as usize).min(size_of::<T>());
        ptr::copy_nonoverlapping(ptr::from_ref(raw).cast::<u8>(), address.cast::<u8>(), room);
        *len = size_of::<T>() as socklen_t;
    }
}

/// Where the internal client seems to come from, for a listener at `listener`.
pub(crate) fn of_client(listener: SocketAddr) -> SocketAddr {
    SocketAddr::new(loopback_like(listener), CLIENT_PORT)
}

/// The server's end of an internal connection, for a listener at `listener`.
pub(crate) fn of_connection(listener: SocketAddr) -> SocketAddr {
    let ip = if listener.ip().is_unspecified() { loopback_like(listener) } else { listener.ip() };
    SocketAddr::new(ip, listener.port())
}

/// The loopback address of the same family.
pub(crate) fn loopback_like(address: SocketAddr) -> IpAddr {
    match address {
        SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(shown: SocketAddr, room: usize) -> (Option<SocketAddr>, socklen_t) {
        let mut bytes = [0_u8; 64];
        let mut len = room as socklen_t;
        // SAFETY: `bytes` has room for every address.
        unsafe {
            write(shown, bytes.as_mut_ptr().cast(), &mut len);
            (read(bytes.as_ptr().cast(), len.min(room as socklen_t)), len)
        }
    }

    #[test]
    fn addresses_of_both_families_survive_a_round_trip() {
        for text in ["192.0.2.7:8080", "[2001:db8::1]:443"] {
            let shown: SocketAddr = text.parse().expect("valid");
            assert_eq!(round_trip(shown, 64).0, Some(shown));
        }
    }

    #[test]
    fn a_short_buffer_is_not_overrun_and_learns_the_size() {
        let (read_back, len) = round_trip("192.0.2.7:8080".parse().expect("valid"), 4);
        assert_eq!(read_back, None);
        assert_eq!(len as usize, size_of::<sockaddr_in>());
    }

    #[test]
    fn a_wildcard_listener_is_reached_over_loopback() {
        let listener: SocketAddr = "[::]:80".parse().expect("valid");
        assert_eq!(of_connection(listener).to_string(), "[::1]:80");
        assert_eq!(of_client(listener).ip().to_string(), "::1");
    }
}
