//! Queue of virtual connections that wait to be accepted.

use crate::sys::fd_table::Slot;

/// Connections in the order in which they were made. All zeroes is the empty queue.
pub(super) struct AcceptQueue {
    slots: [Slot; Slot::COUNT],
    len: usize,
}

impl AcceptQueue {
    pub(super) const fn new() -> Self {
        Self { slots: [Slot::new(0); Slot::COUNT], len: 0 }
    }

    /// Appends a slot. There is room for every slot once.
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
    fn connections_are_accepted_in_order() {
        let mut queue = AcceptQueue::new();
        let [a, b, c] = [3, 0, 7].map(Slot::new);
        for slot in [a, b, c] {
            queue.push(slot);
        }
        queue.remove(b);
        assert_eq!([queue.pop(), queue.pop(), queue.pop()], [Some(a), Some(c), None]);
    }
}
