//! A single thread that waits in poll for the listener and all connections.

use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::time::Instant;

use super::nonblocking::{Interest, Peer, timeout};
use super::{READ_SIZE, accept};
use crate::Site;

pub(super) fn serve(listener: &TcpListener, site: Site) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut peers: Vec<Peer> = Vec::new();
    let mut buffer = [0; READ_SIZE];
    loop {
        let mut fds = vec![pollfd(listener, libc::POLLIN)];
        fds.extend(peers.iter().map(|peer| pollfd(peer.stream(), events(peer.interest()))));
        poll(&mut fds, timeout(peers.iter().map(Peer::deadline)))?;

        let now = Instant::now();
        let mut ready = fds[1..].iter().map(|fd| fd.revents != 0);
        peers.retain_mut(|peer| match ready.next() {
            Some(true) => peer.advance(&mut buffer),
            _ => peer.deadline() > now,
        });
        if fds[0].revents != 0 {
            accept_all(listener, site, &mut peers)?;
        }
    }
}

fn pollfd(fd: &impl AsRawFd, events: i16) -> libc::pollfd {
    libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 }
}

fn events(interest: Interest) -> i16 {
    let read = if interest.read { libc::POLLIN } else { 0 };
    let write = if interest.write { libc::POLLOUT } else { 0 };
    read | write
}

fn poll(fds: &mut [libc::pollfd], timeout: i32) -> io::Result<()> {
    // SAFETY: pointer and length are those of one slice, which is borrowed mutably.
    let count = unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, timeout) };
    if count < 0 {
        let error = io::Error::last_os_error();
        // After an error, `revents` are still 0, so that nothing counts as ready.
        return if error.kind() == ErrorKind::Interrupted { Ok(()) } else { Err(error) };
    }
    Ok(())
}

fn accept_all(listener: &TcpListener, site: Site, peers: &mut Vec<Peer>) -> io::Result<()> {
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                if stream.set_nonblocking(true).is_ok() {
                    peers.push(Peer::new(stream, site));
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return accept::survive(error),
        }
    }
}
