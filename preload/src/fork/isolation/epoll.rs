//! Replacement of epoll instances by a child's own, at the old numbers and with the old registrations.

use std::os::fd::RawFd;

use rustix::event::epoll::{self, CreateFlags, EventData};
use rustix::io::Errno;

use crate::sys::fdinfo::EpollTarget;
use crate::sys::{epoll_fds, fd};

/// Replaces every epoll instance of this process.
pub(super) fn isolate() {
    let instances = EpollInstance::all();
    // All instances are replaced first, because one may be registered with another.
    instances.iter().for_each(|instance| {
        let _ = instance.replace();
    });
    for instance in &instances {
        for target in &instance.targets {
            // If a registered number is closed and its file is open under another one, the registration is lost.
            let _ = epoll::add(
                fd::borrow(instance.fds[0]),
                fd::borrow(target.fd),
                EventData::new_u64(target.data),
                target.events,
            );
        }
    }
}

struct EpollInstance {
    /// Descriptors that refer to it; at least one.
    fds: Vec<RawFd>,
    targets: Vec<EpollTarget>,
}

impl EpollInstance {
    /// Returns every epoll instance of this process.
    fn all() -> Vec<Self> {
        let mut fds = epoll_fds::all();
        let mut instances = Vec::new();
        while let Some(&first) = fds.first() {
            let targets = epoll_fds::targets(first);
            let (same, others) =
                fds.iter().partition(|&&other| other == first || epoll_fds::is_same(first, other));
            instances.push(Self { fds: same, targets });
            fds = others;
        }
        instances
    }

    /// Puts a new, empty instance in its place.
    fn replace(&self) -> Result<(), Errno> {
        let fresh = epoll::create(CreateFlags::CLOEXEC)?;
        self.fds.iter().try_for_each(|&number| fd::replace(number, &fresh))
    }
}
