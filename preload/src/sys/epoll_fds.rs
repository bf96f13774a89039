//! Epoll instances of this process, found in /proc.

use std::os::fd::{AsRawFd, RawFd};

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::event::{EventfdFlags, eventfd};

use super::fdinfo::{self, EpollTarget, FdInfo};
use super::{fd, proc};

/// Returns every descriptor of this process that refers to an epoll instance.
pub(crate) fn all() -> Vec<RawFd> {
    let is_instance = |&fd: &RawFd| fdinfo::target(fd).as_deref() == Some("anon_inode:[eventpoll]");
    proc::open_fds().into_iter().filter(is_instance).collect()
}

/// Returns the registrations of the instance.
pub(crate) fn targets(instance: RawFd) -> Vec<EpollTarget> {
    FdInfo::read(instance).epoll_targets().collect()
}

/// Returns all descriptors of an epoll instance. `None` if it is registered with another instance.
pub(crate) fn fds_of(instance: RawFd) -> Option<Vec<RawFd>> {
    let (own, others): (Vec<_>, Vec<_>) =
        all().into_iter().partition(|&other| other == instance || is_same(instance, other));
    let is_nested = others.into_iter().flat_map(targets).any(|target| own.contains(&target.fd));
    (!is_nested).then_some(own)
}

/// Whether two descriptors refer to the same instance: then a registration by one of them shows up at
/// the other. (kcmp(2) would be simpler, but is not always allowed.)
pub(crate) fn is_same(one: RawFd, other: RawFd) -> bool {
    let Ok(marker) = eventfd(0, EventfdFlags::CLOEXEC) else { return false };
    let one = fd::borrow(one);
    let added = epoll::add(one, &marker, EventData::new_u64(0), EventFlags::empty()).is_ok();
    let shows = added && targets(other).iter().any(|target| target.fd == marker.as_raw_fd());
    let _ = epoll::delete(one, &marker);
    shows
}

#[cfg(test)]
mod tests {
    use rustix::event::epoll::CreateFlags;

    use super::*;

    #[test]
    fn duplicates_of_an_instance_are_recognised() {
        let one = epoll::create(CreateFlags::CLOEXEC).expect("epoll");
        let copy = one.try_clone().expect("dup");
        let other = epoll::create(CreateFlags::CLOEXEC).expect("epoll");
        assert!(is_same(one.as_raw_fd(), copy.as_raw_fd()));
        assert!(!is_same(one.as_raw_fd(), other.as_raw_fd()));
        assert_eq!(targets(one.as_raw_fd()), []);
    }
}
