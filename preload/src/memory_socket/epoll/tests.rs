//! Registrations report what epoll(7) would.

use super::*;

const EPOLL: EpollId = EpollId::FIRST;
const FD: RawFd = 7;
const CONNECTION: Source = Source::Connection(Slot::new(0));
const OTHER: Source = Source::Connection(Slot::new(1));
const IN: u32 = libc::EPOLLIN as u32;
const OUT: u32 = libc::EPOLLOUT as u32;
const HUP: u32 = libc::EPOLLHUP as u32;

fn control(table: &mut RegistrationTable, operation: c_int, events: u32) -> Result<(), Errno> {
    let event = epoll_event { events, u64: 42 };
    table.control(EPOLL, operation, FD, CONNECTION, Some(event))
}

fn registered(events: u32) -> RegistrationTable {
    let mut table = RegistrationTable::new();
    control(&mut table, libc::EPOLL_CTL_ADD, events).expect("room");
    table
}

/// Returns the events that are reported while the connection is `ready`; 0 for none.
fn report(table: &mut RegistrationTable, ready: u32) -> u32 {
    let mut events = [Unaligned::new(epoll_event { events: 0, u64: 0 }); 4];
    match table.collect(EPOLL, &mut events, |_| ready) {
        0 => 0,
        count => {
            assert_eq!((count, events[0].get().u64), (1, 42));
            events[0].get().events
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
    let mut table = registered(IN | EDGE_TRIGGERED);
    assert_eq!(report(&mut table, OUT), 0);
    assert_eq!(report(&mut table, IN), IN, "readiness from before the registration");
    assert_eq!(report(&mut table, IN), 0);
    for other in [Source::Listener, OTHER] {
        table.record_arrival(other);
        assert_eq!(report(&mut table, IN), 0);
    }
    table.record_arrival(CONNECTION);
    assert_eq!(report(&mut table, IN), IN);
    control(&mut table, libc::EPOLL_CTL_MOD, IN | OUT | EDGE_TRIGGERED).expect("registered");
    assert_eq!(report(&mut table, IN | OUT), IN | OUT, "rearmed");
}

#[test]
fn one_shot_reports_once_until_it_is_rearmed() {
    let mut table = registered(IN | ONE_SHOT);
    assert_eq!(report(&mut table, IN), IN);
    table.record_arrival(CONNECTION);
    assert_eq!(report(&mut table, IN | HUP), 0);
    control(&mut table, libc::EPOLL_CTL_MOD, IN | ONE_SHOT).expect("registered");
    assert_eq!(report(&mut table, IN), IN);
}

#[test]
fn invalid_operations_fail_as_in_the_kernel() {
    let mut table = RegistrationTable::new();
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
fn registrations_end_with_their_descriptor_or_instance() {
    let event = Some(epoll_event { events: IN, u64: 42 });
    let mut table = registered(IN);
    table.control(EPOLL, libc::EPOLL_CTL_ADD, 8, Source::Listener, event).expect("room");
    table.remove_source(CONNECTION);
    assert_eq!(report(&mut table, IN), IN);
    table.remove_epoll(EPOLL);
    assert!(!table.knows(EPOLL));
}

#[test]
fn no_more_events_are_reported_than_fit() {
    let event = Some(epoll_event { events: IN | ONE_SHOT, u64: 43 });
    let mut table = registered(IN | ONE_SHOT);
    table.control(EPOLL, libc::EPOLL_CTL_ADD, 8, Source::Listener, event).expect("room");
    let mut one = [Unaligned::new(epoll_event { events: 0, u64: 0 })];
    for data in [42, 43] {
        assert_eq!(table.collect(EPOLL, &mut one, |_| IN), 1);
        assert_eq!({ one[0].get().u64 }, data);
    }
    assert_eq!(table.collect(EPOLL, &mut one, |_| IN), 0);
}

#[test]
fn the_kernel_is_asked_again_after_some_skips() {
    let number = 60_000;
    let epoll = EpollId::adopt(&[number]).expect("room");
    let mut table = RegistrationTable::new();
    assert!(!table.polls_kernel(epoll, 0), "nothing is registered with it");
    epoll_instances::record_kernel_use(number);
    assert!(table.polls_kernel(epoll, 0));
    assert_eq!((0..=MAX_KERNEL_SKIPS).filter(|_| table.polls_kernel(epoll, 1)).count(), 1);
    epoll_instances::forget(number, number, drop);
}
