//! Which of the channels a virtual connection has. There are more of them than connections that a
//! client has open at a time: the server may still hold one that the client has left.

use sockfuzz_protocol::session::Connection;

/// A channel's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot(u8);

impl Slot {
    pub(crate) const COUNT: usize = 2 * Connection::COUNT;

    /// Numbers wrap around.
    pub(crate) const fn new(number: u8) -> Self {
        Self(number % Self::COUNT as u8)
    }

    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }

    pub(super) fn all() -> impl Iterator<Item = Self> {
        (0..Self::COUNT as u8).map(Self)
    }
}

/// Connections that wait to be accepted, the first one first. All zeroes is the empty queue.
pub(super) struct Queue {
    slots: [Slot; Slot::COUNT],
    len: usize,
}

impl Queue {
    pub(super) const fn new() -> Self {
        Self { slots: [Slot(0); Slot::COUNT], len: 0 }
    }

    /// There is room for every slot once.
    pub(super) fn push(&mut self, slot: Slot) {
        self.slots[self.len] = slot;
        self.len += 1;
    }

    pub(super) fn pop(&mut self) -> Option<Slot> {
        let first = *self.slots[..self.len].first()?;
        self.remove(first);
        Some(first)
    }

    pub(super) fn remove(&mut self, slot: Slot) {
        if let Some(index) = self.slots[..self.len].iter().position(|other| *other == slot) {
            self.slots.copy_within(index + 1..self.len, index);
            self.len -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_to_come_is_the_first_to_go() {
        let mut queue = Queue::new();
        let [a, b, c] = [3, 0, 7].map(Slot::new);
        for slot in [a, b, c] {
            queue.push(slot);
        }
        queue.remove(b);
        assert_eq!([queue.pop(), queue.pop(), queue.pop()], [Some(a), Some(c), None]);
    }
}
