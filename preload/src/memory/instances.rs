//! What is known of the server's epoll instances. One may have several numbers: tokio waits at one, and
//! registers by another.

use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, Ordering::SeqCst};

/// An instance with which something virtual is registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Id(u8);

/// Numbers above the table's are never an instance's.
const NUMBERS: usize = 1 << 16;
/// So many instances can be told apart.
const INSTANCES: usize = 64;

/// By number: 1 and more for an instance that has an [`Id`].
static IDS: [AtomicU8; NUMBERS] = [const { AtomicU8::new(0) }; NUMBERS];
/// By number: whether the kernel has, or has had, something registered with it.
static REAL: [AtomicBool; NUMBERS] = [const { AtomicBool::new(false) }; NUMBERS];
/// By id: how many numbers it has.
static COUNTS: [AtomicI32; INSTANCES] = [const { AtomicI32::new(0) }; INSTANCES];
/// By id: as by number.
static REAL_INSTANCES: [AtomicBool; INSTANCES] = [const { AtomicBool::new(false) }; INSTANCES];

impl Id {
    pub(super) const FIRST: Self = Self(0);

    /// The instance that has this number, if it is known.
    pub(super) fn of(epoll: RawFd) -> Option<Self> {
        Some(Self(IDS[index(epoll)?].load(SeqCst).checked_sub(1)?))
    }

    /// Makes an instance with these numbers known. `None` when there are too many.
    pub(super) fn adopt(numbers: &[RawFd]) -> Option<Self> {
        let claim = |count: &AtomicI32| count.compare_exchange(0, 1, SeqCst, SeqCst).is_ok();
        let free = COUNTS.iter().position(claim)?;
        let id = Self(free as u8);
        let is_real = |&number: &RawFd| index(number).is_some_and(|index| REAL[index].load(SeqCst));
        REAL_INSTANCES[free].store(numbers.iter().any(is_real), SeqCst);
        let given = numbers.iter().try_for_each(|&number| id.give(number));
        COUNTS[free].fetch_sub(1, SeqCst);
        given.map(|()| id)
    }

    fn give(self, number: RawFd) -> Option<()> {
        IDS[index(number)?].store(self.0 + 1, SeqCst);
        COUNTS[usize::from(self.0)].fetch_add(1, SeqCst);
        Some(())
    }

    /// Whether the kernel has, or has had, something registered with it.
    pub(super) fn is_real(self) -> bool {
        REAL_INSTANCES[usize::from(self.0)].load(SeqCst)
    }

    /// One of its numbers.
    pub(super) fn number(self) -> Option<RawFd> {
        IDS.iter().position(|id| id.load(SeqCst) == self.0 + 1).map(|index| index as RawFd)
    }
}

/// The kernel has something registered with this instance.
pub(super) fn note_real(epoll: RawFd) {
    if let Some(index) = index(epoll) {
        REAL[index].store(true, SeqCst);
    }
    if let Some(Id(id)) = Id::of(epoll) {
        REAL_INSTANCES[usize::from(id)].store(true, SeqCst);
    }
}

/// `copy` is another number for what `fd` is; that may be an instance.
pub(super) fn duplicate(fd: RawFd, copy: RawFd) {
    let (Some(from), Some(to)) = (index(fd), index(copy)) else { return };
    REAL[to].store(REAL[from].load(SeqCst), SeqCst);
    if let Some(id) = Id::of(fd) {
        id.give(copy);
    }
}

/// These numbers are closed. `over` is told of each instance that has no other.
pub(super) fn forget(first: RawFd, last: RawFd, mut over: impl FnMut(Id)) {
    let first = usize::try_from(first).unwrap_or(0).min(NUMBERS);
    let end = usize::try_from(last).map_or(0, |last| last + 1).clamp(first, NUMBERS);
    for (known, real) in IDS[first..end].iter().zip(&REAL[first..end]) {
        if real.load(SeqCst) {
            real.store(false, SeqCst);
        }
        if known.load(SeqCst) != 0
            && let Some(id) = known.swap(0, SeqCst).checked_sub(1)
            && COUNTS[usize::from(id)].fetch_sub(1, SeqCst) == 1
        {
            over(Id(id));
        }
    }
}

fn index(epoll: RawFd) -> Option<usize> {
    usize::try_from(epoll).ok().filter(|&index| index < NUMBERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_lives_as_long_as_one_of_its_numbers() {
        let [one, copy, other] = [60_001, 60_002, 60_003];
        note_real(copy);
        let id = Id::adopt(&[one, copy]).expect("room");
        assert_eq!([Id::of(one), Id::of(copy), Id::of(other)], [Some(id), Some(id), None]);
        assert!(id.is_real(), "by its other number");
        duplicate(one, other);
        let gone = |first, last| {
            let mut gone = Vec::new();
            forget(first, last, |id| gone.push(id));
            gone
        };
        assert_eq!(gone(one, copy), []);
        assert_eq!((Id::of(other), id.number()), (Some(id), Some(other)));
        assert_eq!(gone(other, other), [id]);
        assert_eq!(Id::of(other), None);
    }

    #[test]
    fn what_is_no_number_of_an_instance_is_not_known() {
        assert_eq!([Id::of(-1), Id::of(RawFd::MAX)], [None; 2]);
        assert_eq!(Id::adopt(&[RawFd::MAX]), None);
        duplicate(-1, RawFd::MAX);
        forget(RawFd::MAX, RawFd::MAX, |_| panic!("none is over"));
    }
}
