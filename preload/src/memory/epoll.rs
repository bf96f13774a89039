//! Registrations of virtual descriptors with the server's epoll instances, and what epoll_wait(2)
//! would report of them (epoll(7)).

use std::os::fd::RawFd;

use libc::{c_int, epoll_event};
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;

use super::instances::{self, Id};
use super::slot::Slot;
use crate::descriptors;

/// Registrations that may be kept; a server with more of them leaves.
const ROOM: usize = 64;

/// How often in a row the kernel may go unasked while there is something to report here.
const SKIPS: u32 = 8;

/// Events that poll(2) and epoll(7) report whether or not the server asks for them.
pub(crate) const ALWAYS: u32 = (libc::EPOLLERR | libc::EPOLLHUP) as u32;
const EDGE: u32 = libc::EPOLLET as u32;
const ONESHOT: u32 = libc::EPOLLONESHOT as u32;
const EXCLUSIVE: u32 = libc::EPOLLEXCLUSIVE as u32;

/// Whose readiness it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Listener,
    Connection(Slot),
}

/// What the server has asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Registration {
    epoll: Id,
    pub(super) fd: RawFd,
    source: Source,
    events: u32,
    data: u64,
    /// Edge-triggered: something has arrived since the last report.
    pending: bool,
    /// One-shot: reported, and not asked for again.
    spent: bool,
}

impl Registration {
    const NONE: Self = Self {
        epoll: Id::FIRST,
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

    /// What is to be reported when `ready` holds; nothing, possibly.
    fn reportable(&self, ready: u32) -> u32 {
        let is_over = self.spent || (self.events & EDGE != 0 && !self.pending);
        if is_over { 0 } else { ready & (self.events | ALWAYS) }
    }

    /// The same, as the server gets it; notes that it was reported.
    fn report(&mut self, ready: u32) -> Option<epoll_event> {
        let events = self.reportable(ready);
        if events == 0 {
            return None;
        }
        self.pending = false;
        self.spent = self.events & ONESHOT != 0;
        Some(epoll_event { events, u64: self.data })
    }
}

/// All registrations, in the order in which they were made. All zeroes is the empty table.
pub(super) struct Table {
    rows: [Registration; ROOM],
    len: usize,
    skipped: u32,
}

impl Table {
    pub(super) const fn new() -> Self {
        Self { rows: [Registration::NONE; ROOM], len: 0, skipped: 0 }
    }

    fn rows(&mut self) -> &mut [Registration] {
        &mut self.rows[..self.len]
    }

    /// Whether anything is registered with this instance.
    pub(super) fn knows(&mut self, epoll: Id) -> bool {
        self.rows().iter().any(|row| row.epoll == epoll)
    }

    /// What is registered with it.
    pub(super) fn sources(&mut self, epoll: Id) -> impl Iterator<Item = Source> {
        self.rows().iter().filter(move |row| row.epoll == epoll).map(|row| row.source)
    }

    /// epoll_ctl(2). `NOSPC` when the table is full.
    pub(super) fn control(
        &mut self,
        epoll: Id,
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

    /// Something has arrived: edge-triggered registrations report once more.
    pub(super) fn arrival(&mut self, source: Source) {
        self.rows().iter_mut().filter(|row| row.source == source).for_each(|row| row.pending = true);
    }

    /// Writes what is ready: how many.
    pub(super) fn collect(
        &mut self,
        epoll: Id,
        events: &mut [epoll_event],
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
                *place = event;
                count += 1;
            }
        }
        count
    }

    /// Whether there is anything to report.
    pub(super) fn has_news(&mut self, epoll: Id, readiness: impl Fn(Source) -> u32) -> bool {
        self.rows().iter().any(|row| row.epoll == epoll && row.reportable(readiness(row.source)) != 0)
    }

    /// Whether the kernel is to be asked too, when `ready` events were found here. epoll promises no
    /// order, so that may wait a little while.
    pub(super) fn asks_kernel(&mut self, epoll: Id, ready: usize) -> bool {
        if !epoll.is_real() {
            return false;
        }
        self.skipped = if ready == 0 || self.skipped == SKIPS { 0 } else { self.skipped + 1 };
        self.skipped == 0
    }

    pub(super) fn remove_source(&mut self, source: Source) {
        self.retain(|row| row.source != source);
    }

    pub(super) fn remove_epoll(&mut self, epoll: Id) {
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

    /// Registers with the kernel what is `chosen`, and forgets it here. What has nothing to report any
    /// more may be reported once too often.
    pub(super) fn hand_over(&mut self, chosen: impl Fn(&Registration) -> bool) {
        for row in self.rows().iter().filter(|row| chosen(row)) {
            let events = if row.spent { ONESHOT } else { row.events };
            let Some(epoll) = row.epoll.number() else { continue };
            let _gone_meanwhile = epoll::add(
                descriptors::lend(epoll),
                descriptors::lend(row.fd),
                EventData::new_u64(row.data),
                EventFlags::from_bits_retain(events),
            );
            instances::note_real(epoll);
        }
        self.retain(|row| !chosen(row));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOLL: Id = Id::FIRST;
    const FD: RawFd = 7;
    const CONNECTION: Source = Source::Connection(Slot::new(0));
    const OTHER: Source = Source::Connection(Slot::new(1));
    const IN: u32 = libc::EPOLLIN as u32;
    const OUT: u32 = libc::EPOLLOUT as u32;
    const HUP: u32 = libc::EPOLLHUP as u32;

    fn control(table: &mut Table, operation: c_int, events: u32) -> Result<(), Errno> {
        let event = epoll_event { events, u64: 42 };
        table.control(EPOLL, operation, FD, CONNECTION, Some(event))
    }

    fn registered(events: u32) -> Table {
        let mut table = Table::new();
        control(&mut table, libc::EPOLL_CTL_ADD, events).expect("room");
        table
    }

    /// What is reported while the connection is `ready`: 0 for nothing.
    fn report(table: &mut Table, ready: u32) -> u32 {
        let mut events = [epoll_event { events: 0, u64: 0 }; 4];
        match table.collect(EPOLL, &mut events, |_| ready) {
            0 => 0,
            count => {
                assert_eq!((count, events[0].u64), (1, 42));
                events[0].events
            }
        }
    }

    #[test]
    fn level_triggered_reports_as_long_as_it_lasts() {
        let mut table = registered(IN);
        for (ready, reported) in [(OUT, 0), (IN | OUT, IN), (IN | OUT, IN), (OUT | HUP, HUP), (0, 0)] {
            assert_eq!(report(&mut table, ready), reported);
        }
    }

    #[test]
    fn edge_triggered_reports_each_arrival_once() {
        let mut table = registered(IN | EDGE);
        assert_eq!(report(&mut table, OUT), 0);
        assert_eq!(report(&mut table, IN), IN, "what was there before the registration");
        assert_eq!(report(&mut table, IN), 0);
        for other in [Source::Listener, OTHER] {
            table.arrival(other);
            assert_eq!(report(&mut table, IN), 0);
        }
        table.arrival(CONNECTION);
        assert_eq!(report(&mut table, IN), IN);
        control(&mut table, libc::EPOLL_CTL_MOD, IN | OUT | EDGE).expect("registered");
        assert_eq!(report(&mut table, IN | OUT), IN | OUT, "asked anew");
    }

    #[test]
    fn one_shot_reports_once_until_it_is_asked_again() {
        let mut table = registered(IN | ONESHOT);
        assert_eq!(report(&mut table, IN), IN);
        table.arrival(CONNECTION);
        assert_eq!(report(&mut table, IN | HUP), 0);
        control(&mut table, libc::EPOLL_CTL_MOD, IN | ONESHOT).expect("registered");
        assert_eq!(report(&mut table, IN), IN);
    }

    #[test]
    fn mistakes_are_refused_as_by_the_kernel() {
        let mut table = Table::new();
        assert_eq!(control(&mut table, libc::EPOLL_CTL_MOD, IN), Err(Errno::NOENT));
        assert_eq!(control(&mut table, libc::EPOLL_CTL_DEL, IN), Err(Errno::NOENT));
        assert_eq!(control(&mut table, libc::EPOLL_CTL_ADD, IN | EXCLUSIVE), Ok(()));
        assert_eq!(control(&mut table, libc::EPOLL_CTL_ADD, IN), Err(Errno::EXIST));
        assert_eq!(control(&mut table, libc::EPOLL_CTL_MOD, IN), Err(Errno::INVAL));
        assert_eq!(control(&mut table, 99, IN), Err(Errno::INVAL));
        let null = table.control(EPOLL, libc::EPOLL_CTL_ADD, FD, CONNECTION, None);
        assert_eq!(null, Err(Errno::FAULT));
        assert_eq!(control(&mut table, libc::EPOLL_CTL_DEL, 0), Ok(()));
        assert_eq!(report(&mut table, IN), 0);
    }

    #[test]
    fn rows_go_with_their_descriptor_or_their_instance() {
        let event = Some(epoll_event { events: IN, u64: 42 });
        let mut table = registered(IN);
        table.control(EPOLL, libc::EPOLL_CTL_ADD, 8, Source::Listener, event).expect("room");
        table.remove_source(CONNECTION);
        assert_eq!(report(&mut table, IN), IN);
        table.remove_epoll(EPOLL);
        assert!(!table.knows(EPOLL));
    }

    #[test]
    fn no_more_is_reported_than_there_is_room_for() {
        let event = Some(epoll_event { events: IN | ONESHOT, u64: 43 });
        let mut table = registered(IN | ONESHOT);
        table.control(EPOLL, libc::EPOLL_CTL_ADD, 8, Source::Listener, event).expect("room");
        let mut one = [epoll_event { events: 0, u64: 0 }];
        for data in [42, 43] {
            assert_eq!(table.collect(EPOLL, &mut one, |_| IN), 1);
            assert_eq!({ one[0].u64 }, data);
        }
        assert_eq!(table.collect(EPOLL, &mut one, |_| IN), 0);
    }

    #[test]
    fn the_kernel_is_asked_now_and_then() {
        let number = 60_000;
        let epoll = Id::adopt(&[number]).expect("room");
        let mut table = Table::new();
        assert!(!table.asks_kernel(epoll, 0), "nothing is registered with it");
        instances::note_real(number);
        assert!(table.asks_kernel(epoll, 0));
        assert_eq!((0..=SKIPS).filter(|_| table.asks_kernel(epoll, 1)).count(), 1);
        instances::forget(number, number, drop);
    }
}
