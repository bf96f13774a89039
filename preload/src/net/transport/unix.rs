//! Transport `unix`: the listener becomes a UNIX-domain socket with a name of its own in the
//! abstract namespace. No port is bound and no file is created, so any number of servers run side by
//! side. The connection is an ordinary one of the kernel's.

use std::os::fd::{OwnedFd, RawFd};

use rustix::fs::{fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect as connect_to, getsockname, socket,
    socket_with,
};

use super::{name, reset};
use crate::net::address::Address;
use crate::sys::fd;

pub(super) fn take_over(fd: RawFd, shown: &Address) -> Result<SocketAddrUnix, Errno> {
    let listener = make(shown)?;
    fcntl_setfl(&listener, fcntl_getfl(fd::borrow(fd))?)?;
    fd::replace(fd, &listener)?;
    getsockname(&listener)?.try_into()
}

/// Makes a named socket that does not listen yet.
pub(super) fn make(shown: &Address) -> Result<OwnedFd, Errno> {
    let listener = socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    name::bind_unique(&listener, shown)?;
    Ok(listener)
}

pub(super) fn connect(address: &SocketAddrUnix, will_reset: bool) -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let client = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    if will_reset {
        reset::mark_for_reset(&client)?;
    }
    connect_to(&client, address)?;
    Ok(client)
}
