//! No network: a namespace with nothing but a loopback interface of its own (network_namespaces(7)),
//! so that a server still reaches itself, and the transport `tcp` works.

use rustix::io;
use rustix::ioctl::{Opcode, Setter, ioctl};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use rustix::thread::UnshareFlags;

use super::unshare;
use crate::sys::report;

/// Sets the flags of an interface (netdevice(7)).
const SET_FLAGS: Opcode = libc::SIOCSIFFLAGS as Opcode;

pub(super) fn leave() -> io::Result<()> {
    unshare(UnshareFlags::NEWNET)?;
    if let Err(error) = raise_loopback() {
        report::emit(format_args!("the sandbox's loopback interface stays down ({error})"));
    }
    Ok(())
}

/// Interfaces of a new namespace are down.
fn raise_loopback() -> io::Result<()> {
    let any = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    // SAFETY: all zeroes is a valid `ifreq`.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(*b"lo") {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: this operation reads an `ifreq`.
    unsafe { ioctl(any, Setter::<SET_FLAGS, libc::ifreq>::new(request)) }
}
