//! Network isolation: a namespace with only a loopback interface of its own (network_namespaces(7)),
//! so that a server still reaches itself, and the transport `tcp` works.

use rustix::io;
use rustix::ioctl::{Opcode, Setter, ioctl};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use rustix::thread::UnshareFlags;

use super::unshare;
use crate::sys::report;

/// Operation of ioctl(2) that sets the flags of an interface (netdevice(7)).
const SET_FLAGS: Opcode = libc::SIOCSIFFLAGS as Opcode;

pub(super) fn leave() -> io::Result<()> {
    unshare(UnshareFlags::NEWNET)?;
    if let Err(error) = raise_loopback() {
        report::emit(format_args!(
            "the sandbox's loopback interface stays down ({error}): transport tcp fails"
        ));
    }
    Ok(())
}

/// Brings the loopback interface up: all interfaces of a new namespace are down.
fn raise_loopback() -> io::Result<()> {
    let any = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    // SAFETY: `ifreq` is plain data, for which all zeroes is a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(*b"lo") {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: SIOCSIFFLAGS reads an `ifreq`, which is the type that `Setter` passes.
    unsafe { ioctl(any, Setter::<SET_FLAGS, libc::ifreq>::new(request)) }
}
