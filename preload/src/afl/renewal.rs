//! What a child of the forkserver must not share with its parent and its siblings.
//!
//! `fork` copies descriptors, not what is behind them. An epoll instance that the server made
//! before the forkserver started would collect the registrations of all children, one after the
//! other, and a connection that a killed child did not accept would wait in the listener for the
//! next. So every child begins with epoll instances of its own, at the old numbers and with the
//! old registrations, and with a listener of its own.

use std::fs;
use std::os::fd::{AsRawFd, RawFd};
use std::path::Path;

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;

use super::{private_objects, shared_memory};
use crate::{descriptors, idle, listener};

/// To be called by the only thread of a fresh child. Says whether it shares nothing by which another
/// child that lives at the same time could disturb it.
pub(super) fn renew() -> bool {
    idle::forget_others();
    let apart = shared_memory::renew() & listener::renew() & private_objects::renew();
    let instances = epoll_instances();
    // All of them first: one may be registered with another.
    instances.iter().for_each(|instance| {
        let _ = instance.replace();
    });
    for instance in &instances {
        for registration in &instance.registrations {
            // A descriptor that was closed since, but lives on under another number, is lost.
            let _ = epoll::add(
                descriptors::lend(instance.numbers[0]),
                descriptors::lend(registration.number),
                EventData::new_u64(registration.data),
                registration.events,
            );
        }
    }
    apart
}

/// An epoll instance.
struct Instance {
    /// The descriptors that stand for it; at least one.
    numbers: Vec<RawFd>,
    registrations: Vec<Registration>,
}

#[derive(Debug, PartialEq, Eq)]
struct Registration {
    number: RawFd,
    events: EventFlags,
    data: u64,
}

impl Instance {
    /// Puts a new instance in its place.
    fn replace(&self) -> Result<(), Errno> {
        let fresh = epoll::create(CreateFlags::CLOEXEC)?;
        self.numbers.iter().try_for_each(|&number| descriptors::replace(number, &fresh))
    }
}

/// Every epoll instance of this process.
fn epoll_instances() -> Vec<Instance> {
    let mut numbers = epoll_descriptors();
    let mut instances = Vec::new();
    while let Some(&first) = numbers.first() {
        let registrations = registrations(first);
        let (same, others) = numbers.iter().partition(|&&other| other == first || is_same(first, other));
        instances.push(Instance { numbers: same, registrations });
        numbers = others;
    }
    instances
}

/// All numbers of an epoll instance. `None` when it is registered with another.
pub(crate) fn epoll_numbers(instance: RawFd) -> Option<Vec<RawFd>> {
    let (own, others): (Vec<_>, Vec<_>) =
        epoll_descriptors().into_iter().partition(|&other| other == instance || is_same(instance, other));
    let is_one_of_them = |found: Registration| own.contains(&found.number);
    let is_nested = others.into_iter().flat_map(registrations).any(is_one_of_them);
    (!is_nested).then_some(own)
}

/// Every descriptor of this process that stands for an epoll instance.
fn epoll_descriptors() -> Vec<RawFd> {
    let Ok(entries) = fs::read_dir("/proc/self/fd") else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| {
            fs::read_link(entry.path()).is_ok_and(|target| target == Path::new("anon_inode:[eventpoll]"))
        })
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// Whether two descriptors stand for one instance: what is registered with one of them shows up at
/// the other. (kcmp(2) would tell, where it is allowed.)
fn is_same(one: RawFd, other: RawFd) -> bool {
    let Ok(marker) = eventfd(0, EventfdFlags::CLOEXEC) else { return false };
    let one = descriptors::lend(one);
    let added = epoll::add(one, &marker, EventData::new_u64(0), EventFlags::empty()).is_ok();
    let shows = added && registrations(other).iter().any(|found| found.number == marker.as_raw_fd());
    let _ = epoll::delete(one, &marker);
    shows
}

fn registrations(number: RawFd) -> Vec<Registration> {
    let information = fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap_or_default();
    information.lines().filter_map(parse).collect()
}

/// Reads a line of an epoll instance's fdinfo (proc_pid_fdinfo(5)): the registered number in
/// decimal, events and data in hexadecimal.
fn parse(line: &str) -> Option<Registration> {
    let mut words = line.split_whitespace();
    let mut after = |key: &str| (words.next()? == key).then(|| words.next()).flatten();
    let number = after("tfd:")?.parse().ok()?;
    let events = EventFlags::from_bits_retain(u32::from_str_radix(after("events:")?, 16).ok()?);
    let data = u64::from_str_radix(after("data:")?, 16).ok()?;
    Some(Registration { number, events, data })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_of_an_instance_are_recognised() {
        let one = epoll::create(CreateFlags::CLOEXEC).expect("epoll");
        let copy = one.try_clone().expect("dup");
        let other = epoll::create(CreateFlags::CLOEXEC).expect("epoll");
        assert!(is_same(one.as_raw_fd(), copy.as_raw_fd()));
        assert!(!is_same(one.as_raw_fd(), other.as_raw_fd()));
        assert_eq!(registrations(one.as_raw_fd()), []);
    }

    #[test]
    fn registrations_are_read_from_fdinfo() {
        let line = "tfd:        5 events: 8000201d data: ffff55a104e7ebd8  pos:0 ino:2a3 sdev:8";
        let expected = Registration {
            number: 5,
            events: EventFlags::from_bits_retain(0x8000_201d),
            data: 0xffff_55a1_04e7_ebd8,
        };
        assert_eq!(parse(line), Some(expected));
        assert_eq!(parse("pos:	0"), None);
    }
}
