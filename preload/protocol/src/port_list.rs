//! Short list of ports in shared memory.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Number of ports that a list has room for.
const ROOM: usize = 4;

/// Set of ports, in the order in which they were noted; those that find no room are left out.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct PortList([AtomicU32; ROOM]);

impl PortList {
    /// Returns a list without ports, which is all zeroes.
    pub(crate) const fn new() -> Self {
        Self([const { AtomicU32::new(0) }; ROOM])
    }

    /// Adds a port, unless it is 0 or in the list.
    pub(crate) fn note(&self, port: u16) {
        let port = u32::from(port);
        let is_taken = |place: &AtomicU32| match place.compare_exchange(0, port, Relaxed, Relaxed) {
            Ok(_) => true,
            Err(other) => other == port,
        };
        let _found = port == 0 || self.0.iter().any(is_taken);
    }

    /// Returns the ports.
    pub(crate) fn ports(&self) -> Vec<u16> {
        let ports = self.0.iter().filter_map(|place| u16::try_from(place.load(Relaxed)).ok());
        ports.filter(|port| *port != 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_port_is_noted_once_while_there_is_room() {
        let list = PortList::new();
        [80, 443, 80, 0].into_iter().for_each(|port| list.note(port));
        assert_eq!(list.ports(), [80, 443]);
        (1..=9).for_each(|port| list.note(port));
        assert_eq!(list.ports(), [80, 443, 1, 2]);
    }
}
