//! Table of the server's epoll instances. One may have several descriptors: tokio waits on one, and registers
//! by another.

use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, Ordering::SeqCst};

/// Id of an epoll instance with which virtual sockets are registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EpollId(u8);

/// Size of the tables. Descriptors with higher numbers have no instance here.
const MAX_FDS: usize = 1 << 16;
/// Maximum number of instances that have an id.
const MAX_INSTANCES: usize = 64;

/// By descriptor: [`EpollId`] of its instance plus 1; 0 for none.
static IDS: [AtomicU8; MAX_FDS] = [const { AtomicU8::new(0) }; MAX_FDS];
/// By descriptor: whether the kernel has, or has had, a registration with its instance.
static KERNEL_USED: [AtomicBool; MAX_FDS] = [const { AtomicBool::new(false) }; MAX_FDS];
/// By id: number of its descriptors.
static COUNTS: [AtomicI32; MAX_INSTANCES] = [const { AtomicI32::new(0) }; MAX_INSTANCES];
/// By id: whether the kernel has, or has had, a registration with the instance.
static KERNEL_USED_INSTANCES: [AtomicBool; MAX_INSTANCES] = [const { AtomicBool::new(false) }; MAX_INSTANCES];

impl EpollId {
    pub(super) const FIRST: Self = Self(0);

    /// Returns the id of the instance with this descriptor, if it has one.
    pub(super) fn of(epoll: RawFd) -> Option<Self> {
        Some(Self(IDS[index(epoll)?].load(SeqCst).checked_sub(1)?))
    }

    /// Gives an id to the instance with these descriptors. `None` if there are too many, or if a number is too high.
    pub(super) fn adopt(numbers: &[RawFd]) -> Option<Self> {
        let claim = |count: &AtomicI32| count.compare_exchange(0, 1, SeqCst, SeqCst).is_ok();
        let free = COUNTS.iter().position(claim)?;
        let id = Self(free as u8);
        let is_real = |&number: &RawFd| index(number).is_some_and(|index| KERNEL_USED[index].load(SeqCst));
        KERNEL_USED_INSTANCES[free].store(numbers.iter().any(is_real), SeqCst);
        let given = numbers.iter().try_for_each(|&number| id.give(number));
        COUNTS[free].fetch_sub(1, SeqCst);
        given.map(|()| id)
    }

    fn give(self, number: RawFd) -> Option<()> {
        IDS[index(number)?].store(self.0 + 1, SeqCst);
        COUNTS[usize::from(self.0)].fetch_add(1, SeqCst);
        Some(())
    }

    /// Whether the kernel has, or has had, a registration with the instance.
    pub(super) fn has_kernel_registrations(self) -> bool {
        KERNEL_USED_INSTANCES[usize::from(self.0)].load(SeqCst)
    }

    /// Returns one of its descriptors.
    pub(super) fn any_fd(self) -> Option<RawFd> {
        IDS.iter().position(|id| id.load(SeqCst) == self.0 + 1).map(|index| index as RawFd)
    }
}

/// Records that the kernel has a registration with this instance.
pub(super) fn record_kernel_use(epoll: RawFd) {
    if let Some(index) = index(epoll) {
        KERNEL_USED[index].store(true, SeqCst);
    }
    if let Some(EpollId(id)) = EpollId::of(epoll) {
        KERNEL_USED_INSTANCES[usize::from(id)].store(true, SeqCst);
    }
}

/// Records that `copy` is a duplicate of `fd`, which may be an instance.
pub(super) fn duplicate(fd: RawFd, copy: RawFd) {
    let (Some(from), Some(to)) = (index(fd), index(copy)) else { return };
    KERNEL_USED[to].store(KERNEL_USED[from].load(SeqCst), SeqCst);
    if let Some(id) = EpollId::of(fd) {
        id.give(copy);
    }
}

/// Removes closed descriptors. Calls `over` with each instance that has none left.
pub(super) fn forget(first: RawFd, last: RawFd, mut over: impl FnMut(EpollId)) {
    let first = usize::try_from(first).unwrap_or(0).min(MAX_FDS);
    let end = usize::try_from(last).map_or(0, |last| last + 1).clamp(first, MAX_FDS);
    for (known, real) in IDS[first..end].iter().zip(&KERNEL_USED[first..end]) {
        if real.load(SeqCst) {
            real.store(false, SeqCst);
        }
        if known.load(SeqCst) != 0
            && let Some(id) = known.swap(0, SeqCst).checked_sub(1)
            && COUNTS[usize::from(id)].fetch_sub(1, SeqCst) == 1
        {
            over(EpollId(id));
        }
    }
}

fn index(epoll: RawFd) -> Option<usize> {
    usize::try_from(epoll).ok().filter(|&index| index < MAX_FDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_lives_as_long_as_one_of_its_descriptors() {
        let [one, copy, other] = [60_001, 60_002, 60_003];
        record_kernel_use(copy);
        let id = EpollId::adopt(&[one, copy]).expect("room");
        assert_eq!([EpollId::of(one), EpollId::of(copy), EpollId::of(other)], [Some(id), Some(id), None]);
        assert!(id.has_kernel_registrations(), "by its other number");
        duplicate(one, other);
        let gone = |first, last| {
            let mut gone = Vec::new();
            forget(first, last, |id| gone.push(id));
            gone
        };
        assert_eq!(gone(one, copy), []);
        assert_eq!((EpollId::of(other), id.any_fd()), (Some(id), Some(other)));
        assert_eq!(gone(other, other), [id]);
        assert_eq!(EpollId::of(other), None);
    }

    #[test]
    fn numbers_outside_the_table_have_no_instance() {
        assert_eq!([EpollId::of(-1), EpollId::of(RawFd::MAX)], [None; 2]);
        assert_eq!(EpollId::adopt(&[RawFd::MAX]), None);
        duplicate(-1, RawFd::MAX);
        forget(RawFd::MAX, RawFd::MAX, |_| panic!("none is over"));
    }
}
