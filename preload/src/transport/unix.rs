//! Transport `unix`: the listener becomes a UNIX-domain socket with a name that the kernel picks
//! in the abstract namespace (unix(7), autobind). No port is bound and no file is made, so any
//! number of servers run side by side; to the kernel the connection is as real as any.

use std::os::fd::{OwnedFd, RawFd};

use rustix::fs::{fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect as connect_to, getsockname, socket,
    socket_with,
};

use crate::descriptors;

pub(super) fn take_over(fd: RawFd) -> Result<SocketAddrUnix, Errno> {
    let original = descriptors::lend(fd);
    let listener = socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    bind(&listener, &SocketAddrUnix::new_unnamed())?;
    fcntl_setfl(&listener, fcntl_getfl(original)?)?;
    descriptors::replace(fd, &listener)?;
    getsockname(&listener)?.try_into()
}

pub(super) fn connect(address: &SocketAddrUnix) -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let client = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    connect_to(&client, address)?;
    Ok(client)
}
