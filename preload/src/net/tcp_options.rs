//! Options of TCP sockets that a connection inherits from its listener, or a listener from the one that it replaces.

use std::os::fd::{AsFd, AsRawFd};

use libc::{c_int, socklen_t};

use crate::sys::{errno, real};

/// Size of the largest value in bytes.
const VALUE_BYTES: usize = 16;

/// Level and name of each option (socket(7), tcp(7), ip(7), ipv6(7)).
const OPTIONS: &[(c_int, c_int)] = &[
    (libc::SOL_SOCKET, libc::SO_REUSEADDR),
    (libc::SOL_SOCKET, libc::SO_REUSEPORT),
    (libc::SOL_SOCKET, libc::SO_KEEPALIVE),
    (libc::SOL_SOCKET, libc::SO_BROADCAST),
    (libc::SOL_SOCKET, libc::SO_OOBINLINE),
    (libc::SOL_SOCKET, libc::SO_LINGER),
    (libc::SOL_SOCKET, libc::SO_PRIORITY),
    (libc::SOL_SOCKET, libc::SO_RCVLOWAT),
    (libc::SOL_SOCKET, libc::SO_RCVTIMEO),
    (libc::SOL_SOCKET, libc::SO_SNDTIMEO),
    (libc::SOL_SOCKET, libc::SO_DONTROUTE),
    (libc::SOL_SOCKET, libc::SO_TIMESTAMP),
    (libc::SOL_SOCKET, libc::SO_BUSY_POLL),
    (libc::SOL_SOCKET, libc::SO_ZEROCOPY),
    (libc::SOL_SOCKET, libc::SO_MARK),
    (libc::SOL_SOCKET, libc::SO_RCVBUF),
    (libc::SOL_SOCKET, libc::SO_SNDBUF),
    (libc::IPPROTO_TCP, libc::TCP_NODELAY),
    (libc::IPPROTO_TCP, libc::TCP_CORK),
    (libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT),
    (libc::IPPROTO_TCP, libc::TCP_KEEPIDLE),
    (libc::IPPROTO_TCP, libc::TCP_KEEPINTVL),
    (libc::IPPROTO_TCP, libc::TCP_KEEPCNT),
    (libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT),
    (libc::IPPROTO_TCP, libc::TCP_LINGER2),
    (libc::IPPROTO_TCP, libc::TCP_SYNCNT),
    (libc::IPPROTO_TCP, libc::TCP_CONGESTION),
    (libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT),
    (libc::IPPROTO_IP, libc::IP_TOS),
    (libc::IPPROTO_IP, libc::IP_TTL),
    (libc::IPPROTO_IP, libc::IP_RECVERR),
    (libc::IPPROTO_IP, libc::IP_FREEBIND),
    (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER),
    (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY),
    (libc::IPPROTO_IPV6, libc::IPV6_TCLASS),
    (libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS),
];

/// Set of options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OptionSet(u64);

impl OptionSet {
    const ALL: Self = Self((1 << OPTIONS.len()) - 1);

    /// Options that differ between two sockets.
    pub(crate) fn different(one: impl AsFd, other: impl AsFd) -> Self {
        let (one, other) = (one.as_fd().as_raw_fd(), other.as_fd().as_raw_fd());
        let differs = |&(level, name): &_| get(one, level, name) != get(other, level, name);
        let bits =
            || OPTIONS.iter().enumerate().map(|(index, option)| u64::from(differs(option)) << index).sum();
        Self(errno::untouched(bits))
    }

    /// Returns the set as a number, never `u64::MAX`.
    pub(crate) fn to_number(self) -> u64 {
        self.0
    }

    pub(crate) fn from_number(number: u64) -> Self {
        Self(number & Self::ALL.0)
    }
}

/// Copies to `to` the options in which it differs from `from`, as far as they can be set.
pub(crate) fn copy(from: impl AsFd, to: impl AsFd) {
    copy_some(OptionSet::ALL, from, to);
}

/// Copies some of the options, like [`copy`].
pub(crate) fn copy_some(options: OptionSet, from: impl AsFd, to: impl AsFd) {
    let (from, to) = (from.as_fd().as_raw_fd(), to.as_fd().as_raw_fd());
    errno::untouched(|| {
        let chosen = OPTIONS.iter().enumerate().filter(|(index, _)| options.0 >> index & 1 != 0);
        for (_, &(level, name)) in chosen {
            let Some((mut wanted, len)) = get(from, level, name) else { continue };
            if get(to, level, name) == Some((wanted, len)) {
                continue;
            }
            if matches!((level, name), (libc::SOL_SOCKET, libc::SO_RCVBUF | libc::SO_SNDBUF)) {
                // The kernel doubles the value that is set (socket(7)).
                let (number, rest) = wanted.split_at_mut(size_of::<c_int>());
                debug_assert!(rest.len() + number.len() == VALUE_BYTES);
                let doubled = c_int::from_ne_bytes(number.try_into().unwrap_or_default());
                number.copy_from_slice(&(doubled / 2).to_ne_bytes());
            }
            // SAFETY: `len` bytes of the value are readable. (An option that cannot be set stays unchanged.)
            unsafe { real::setsockopt(to, level, name, wanted.as_ptr().cast(), len) };
        }
    });
}

fn get(socket: c_int, level: c_int, name: c_int) -> Option<([u8; VALUE_BYTES], socklen_t)> {
    let mut value = [0; VALUE_BYTES];
    let mut len = value.len() as socklen_t;
    // SAFETY: `value` has room for `len` bytes.
    let result = unsafe { real::getsockopt(socket, level, name, value.as_mut_ptr().cast(), &mut len) };
    (result == 0).then_some((value, len))
}
