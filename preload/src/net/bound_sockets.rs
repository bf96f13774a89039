//! Sockets that the server has bound and that are not yet classified. Each carries a note of its address, which lasts
//! in a duplicate, over `exec`, and in a process that receives the socket.

use std::ffi::CStr;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use rustix::net::sockopt;

use super::address::Address;
use super::transport::bind_note;
use crate::sys::fd_table::{self, FdKind};
use crate::sys::signal_guard::SignalGuard;
use crate::sys::{fd, proc};

/// Addresses that the server has bound, for sockets without a note.
static ADDRESSES: Mutex<Vec<(RawFd, Address)>> = Mutex::new(Vec::new());
/// Whether one of the addresses is a path.
static HAS_PATH: AtomicBool = AtomicBool::new(false);

/// Records that the server has bound `fd`.
pub(super) fn record(fd: RawFd, wanted: &Address) {
    bind_note::write(fd, wanted);
    remember(fd, wanted.clone());
}

/// Records a socket from elsewhere, if it was bound there; returns whether it was.
pub(super) fn adopt(fd: RawFd) -> bool {
    let noted = bind_note::read(fd);
    let bound = noted.is_some();
    noted.into_iter().for_each(|wanted| remember(fd, wanted));
    bound
}

fn remember(fd: RawFd, wanted: Address) {
    HAS_PATH.fetch_or(wanted.path().is_some(), Relaxed);
    with_addresses(|addresses| {
        addresses.retain(|(other, _)| *other != fd);
        addresses.push((fd, wanted));
    });
    fd_table::set(fd, FdKind::Bound);
}

fn with_addresses<R>(action: impl FnOnce(&mut Vec<(RawFd, Address)>) -> R) -> R {
    let _signals = SignalGuard::enter();
    action(&mut ADDRESSES.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Address that the server has requested for `fd`.
pub(crate) fn address(fd: RawFd) -> Option<Address> {
    let remembered = |addresses: &mut Vec<(RawFd, Address)>| {
        addresses.iter().find(|(other, _)| *other == fd).map(|(_, wanted)| wanted.clone())
    };
    bind_note::read(fd).or_else(|| with_addresses(remembered))
}

/// Whether the server has bound this path, at which no file was created. Takes no lock unless some path was bound.
pub(crate) fn is_bound_path(path: &CStr) -> bool {
    let is_path = |(_, address): &(RawFd, Address)| address.path().as_deref() == Some(path.to_bytes());
    HAS_PATH.load(Relaxed) && with_addresses(|addresses| addresses.iter().any(is_path))
}

/// Other descriptors of a bound socket.
pub(crate) fn duplicates(fd: RawFd) -> Vec<RawFd> {
    let cookie = |fd| sockopt::socket_cookie(fd::borrow(fd)).ok();
    let own = cookie(fd);
    let is_duplicate =
        |&other: &RawFd| other != fd && fd_table::kind(other) == FdKind::Bound && cookie(other) == own;
    proc::open_fds().into_iter().filter(|_| own.is_some()).filter(is_duplicate).collect()
}

/// Removes the note from a socket that is now classified.
pub(crate) fn end(fd: RawFd) {
    bind_note::remove(fd);
}
