//! Unread byte of a client that is going to reset: see [`crate::net::transport::set_reset_on_close`].

use std::os::fd::AsFd;

use rustix::io::{Errno, ioctl_fionread};
use rustix::net::{RecvFlags, recv};

use super::drained::Drained;
use crate::net::transport::{GREETING, peer_has_closed};

/// Byte that always stays unread in a socket: first the greeting, then the last byte of the answer. The client gets it
/// nevertheless.
#[derive(Debug)]
pub(super) struct UnreadByte {
    greeted: bool,
    /// Whether the client has got the byte that is unread now.
    is_shown: bool,
}

impl UnreadByte {
    pub(super) const fn new() -> Self {
        Self { greeted: false, is_shown: false }
    }

    /// Passes all bytes to `answer`, and leaves the last one unread.
    pub(super) fn drain(
        &mut self,
        socket: impl AsFd,
        buffer: &mut [u8],
        mut answer: impl FnMut(&[u8]),
    ) -> Drained {
        let mut total = 0;
        loop {
            let unread = ioctl_fionread(&socket).unwrap_or(0) as usize;
            let wanted = unread.saturating_sub(1).min(buffer.len());
            if wanted == 0 {
                self.show(&socket, &mut answer);
                return if peer_has_closed(&socket) { Drained::Ended } else { Drained::of(total) };
            }
            match recv(&socket, &mut buffer[..wanted], RecvFlags::DONTWAIT) {
                Ok((count, _)) => {
                    let shown = usize::from(std::mem::take(&mut self.is_shown));
                    answer(self.without_greeting(&buffer[shown..count]));
                    total += count;
                }
                Err(Errno::INTR) => {}
                Err(_) => return Drained::Ended,
            }
        }
    }

    /// Passes the last byte to `answer`, once, but leaves it unread.
    pub(super) fn show(&mut self, socket: impl AsFd, mut answer: impl FnMut(&[u8])) {
        let mut last = [0];
        if !self.is_shown
            && matches!(recv(socket, &mut last, RecvFlags::DONTWAIT | RecvFlags::PEEK), Ok((1, _)))
        {
            self.is_shown = true;
            answer(self.without_greeting(&last));
        }
    }

    fn without_greeting<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        match bytes {
            [GREETING, rest @ ..] if !std::mem::replace(&mut self.greeted, true) => rest,
            _ => bytes,
        }
    }
}
