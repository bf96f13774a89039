//! Registrations of virtual descriptors with the server's epoll instances, and the events that
//! epoll_wait(2) would report for them (epoll(7)).

use std::os::fd::RawFd;

use libc::{c_int, epoll_event};
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;

use super::epoll_instances::{self, EpollId};
use crate::sys::fd;
use crate::sys::fd_table::Slot;
use crate::sys::user_memory::Unaligned;

/// Maximum number of registrations; with more, the transport falls back.
pub(super) const MAX_REGISTRATIONS: usize = 64;

/// Maximum number of successive calls that skip the kernel while there are events to report here.
const MAX_KERNEL_SKIPS: u32 = 8;

/// Events that poll(2) and epoll(7) report whether or not the server asks for them.
pub(crate) const ALWAYS_REPORTED: u32 = (libc::EPOLLERR | libc::EPOLLHUP) as u32;
const EDGE_TRIGGERED: u32 = libc::EPOLLET as u32;
const ONE_SHOT: u32 = libc::EPOLLONESHOT as u32;
const EXCLUSIVE: u32 = libc::EPOLLEXCLUSIVE as u32;

/// Source of readiness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Listener,
    Connection(Slot),
}

/// Registration of a virtual descriptor with an epoll instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Registration {
    epoll: EpollId,
    pub(super) fd: RawFd,
    source: Source,
    events: u32,
    data: u64,
    /// Edge-triggered: something has arrived since the last report.
    pending: bool,
    /// One-shot: reported, and not rearmed since.
    spent: bool,
}

impl Registration {
    const NONE: Self = Self {
        epoll: EpollId::FIRST,
        fd: 0,
        source: Source::Listener,
        events: 0,
        data: 0,
        pending: false,
        spent: false,
    };

    fn ask(&mut self, event: epoll_event) {
        (self.events, self.data) = (event.events, event.u64);
        (self.pending, self.spent) = (true, false);
    }

    /// Returns the events to report while `ready` are present, 0 for none.
    fn reportable(&self, ready: u32) -> u32 {
        let is_over = self.spent || (self.events & EDGE_TRIGGERED != 0 && !self.pending);
        if is_over { 0 } else { ready & (self.events | ALWAYS_REPORTED) }
    }

    /// Returns these events as the server gets them, and records that they were reported.
    fn report(&mut self, ready: u32) -> Option<epoll_event> {
        let events = self.reportable(ready);
        if events == 0 {
            return None;
        }
        self.pending = false;
        self.spent = self.events & ONE_SHOT != 0;
        Some(epoll_event { events, u64: self.data })
    }
}

/// All registrations, in the order in which they were made. All zeroes is the empty table.
pub(super) struct RegistrationTable {
    rows: [Registration; MAX_REGISTRATIONS],
    len: usize,
    skipped: u32,
}

impl RegistrationTable {
    pub(super) const fn new() -> Self {
        Self { rows: [Registration::NONE; MAX_REGISTRATIONS], len: 0, skipped: 0 }
    }

    fn rows(&mut self) -> &mut [Registration] {
        &mut self.rows[..self.len]
    }

    /// Whether anything is registered with this instance.
    pub(super) fn knows(&mut self, epoll: EpollId) -> bool {
        self.rows().iter().any(|row| row.epoll == epoll)
    }

    /// Returns the sources that are registered with this instance.
    pub(super) fn sources(&mut self, epoll: EpollId) -> impl Iterator<Item = Source> {
        self.rows().iter().filter(move |row| row.epoll == epoll).map(|row| row.source)
    }

    /// Performs epoll_ctl(2). Fails with `NOSPC` if the table is full.
    pub(super) fn control(
        &mut self,
        epoll: EpollId,
        operation: c_int,
        fd: RawFd,
        source: Source,
        event: Option<epoll_event>,
    ) -> Result<(), Errno> {
        let found = self.rows().iter().position(|row| (row.epoll, row.fd) == (epoll, fd));
        match (operation, found, event) {
            (libc::EPOLL_CTL_DEL, Some(index), _) => {
                self.rows.copy_within(index + 1..self.len, index);
                self.len -= 1;
            }
            (libc::EPOLL_CTL_ADD | libc::EPOLL_CTL_MOD, _, None) => return Err(Errno::FAULT),
            (libc::EPOLL_CTL_ADD, Some(_), _) => return Err(Errno::EXIST),
            (libc::EPOLL_CTL_ADD, None, Some(event)) => {
                let row = self.rows.get_mut(self.len).ok_or(Errno::NOSPC)?;
                *row = Registration { epoll, fd, source, ..Registration::NONE };
                row.ask(event);
                self.len += 1;
            }
            (libc::EPOLL_CTL_MOD, Some(index), Some(event)) => {
                if (self.rows[index].events | event.events) & EXCLUSIVE != 0 {
                    return Err(Errno::INVAL);
                }
                self.rows[index].ask(event);
            }
            (libc::EPOLL_CTL_DEL | libc::EPOLL_CTL_MOD, None, _) => return Err(Errno::NOENT),
            _ => return Err(Errno::INVAL),
        }
        Ok(())
    }

    /// Records an arrival, after which edge-triggered registrations report once more.
    pub(super) fn record_arrival(&mut self, source: Source) {
        self.rows().iter_mut().filter(|row| row.source == source).for_each(|row| row.pending = true);
    }

    /// Writes the events that are ready, and returns their number.
    pub(super) fn collect(
        &mut self,
        epoll: EpollId,
        events: &mut [Unaligned<epoll_event>],
        readiness: impl Fn(Source) -> u32,
    ) -> usize {
        let mut room = events.iter_mut();
        let mut count = 0;
        for row in self.rows().iter_mut().filter(|row| row.epoll == epoll) {
            if room.as_slice().is_empty() {
                break;
            }
            if let Some(event) = row.report(readiness(row.source))
                && let Some(place) = room.next()
            {
                *place = Unaligned::new(event);
                count += 1;
            }
        }
        count
    }

    /// Whether there are any events to report.
    pub(super) fn is_ready(&mut self, epoll: EpollId, readiness: impl Fn(Source) -> u32) -> bool {
        self.rows().iter().any(|row| row.epoll == epoll && row.reportable(readiness(row.source)) != 0)
    }

    /// Whether to ask the kernel, too, after `ready` events were found here. epoll guarantees no order,
    /// so that may be skipped a few times.
    pub(super) fn polls_kernel(&mut self, epoll: EpollId, ready: usize) -> bool {
        if !epoll.has_kernel_registrations() {
            return false;
        }
        self.skipped = if ready == 0 || self.skipped == MAX_KERNEL_SKIPS { 0 } else { self.skipped + 1 };
        self.skipped == 0
    }

    pub(super) fn remove_source(&mut self, source: Source) {
        self.retain(|row| row.source != source);
    }

    pub(super) fn remove_epoll(&mut self, epoll: EpollId) {
        self.retain(|row| row.epoll != epoll);
    }

    fn retain(&mut self, keep: impl Fn(&Registration) -> bool) {
        let mut kept = 0;
        for index in 0..self.len {
            if keep(&self.rows[index]) {
                self.rows[kept] = self.rows[index];
                kept += 1;
            }
        }
        self.len = kept;
    }

    /// Moves the `chosen` registrations to the kernel. This may cause one spurious event for a
    /// registration that has nothing left to report.
    pub(super) fn hand_over(&mut self, chosen: impl Fn(&Registration) -> bool) {
        for row in self.rows().iter().filter(|row| chosen(row)) {
            let events = if row.spent { ONE_SHOT } else { row.events };
            let Some(epoll) = row.epoll.any_fd() else { continue };
            let _gone_meanwhile = epoll::add(
                fd::borrow(epoll),
                fd::borrow(row.fd),
                EventData::new_u64(row.data),
                EventFlags::from_bits_retain(events),
            );
            epoll_instances::record_kernel_use(epoll);
        }
        self.retain(|row| !chosen(row));
    }
}

#[cfg(test)]
mod tests;
