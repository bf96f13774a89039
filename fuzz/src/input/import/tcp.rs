//! Reassembly of one direction of a TCP connection.

use std::collections::BTreeMap;

/// Byte stream reassembled from segments that may arrive in any order.
#[derive(Debug, Default)]
pub(super) struct Reassembly {
    /// Sequence number of the stream's first byte.
    start: Option<u32>,
    /// Number of bytes returned so far.
    done: u64,
    /// Segments that arrived before their predecessors, by their offset in the stream.
    early: BTreeMap<u64, Vec<u8>>,
}

impl Reassembly {
    /// Begins the stream at a SYN: the first byte has the sequence number after that of the SYN.
    pub(super) fn begin(&mut self, sequence: u32) {
        self.start.get_or_insert(sequence.wrapping_add(1));
    }

    /// Adds a segment, and returns the payloads that are in order now.
    pub(super) fn add(&mut self, sequence: u32, payload: &[u8]) -> Vec<Vec<u8>> {
        // If the capture lacks the handshake, the stream begins with the first segment.
        let start = *self.start.get_or_insert(sequence);
        // Sequence numbers wrap around; the position nearest to the expected one is correct.
        let expected = start.wrapping_add(self.done as u32);
        let distance = sequence.wrapping_sub(expected).cast_signed();
        let Some(place) = self.done.checked_add_signed(i64::from(distance)) else {
            return Vec::new();
        };
        if !payload.is_empty() {
            let known = self.early.entry(place).or_default();
            if known.len() < payload.len() {
                *known = payload.to_vec();
            }
        }
        let mut ready = Vec::new();
        while let Some(entry) = self.early.first_entry()
            && *entry.key() <= self.done
        {
            // A retransmission may contain new bytes after those already returned.
            let known = (self.done - entry.key()) as usize;
            let bytes = entry.remove();
            if let Some(new) = bytes.get(known..).filter(|new| !new.is_empty()) {
                self.done += new.len() as u64;
                ready.push(new.to_vec());
            }
        }
        ready
    }

    /// Returns the offset of the first missing byte; `None` if no byte is missing.
    pub(super) fn gap(&self) -> Option<u64> {
        (!self.early.is_empty()).then_some(self.done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_returned_in_order_and_once() {
        let mut stream = Reassembly::default();
        stream.begin(u32::MAX - 2);
        assert_eq!(stream.add(u32::MAX - 1, b"ab"), [b"ab"]);
        assert!(stream.add(2, b"ef").is_empty());
        assert_eq!(stream.gap(), Some(2));
        assert!(stream.add(u32::MAX - 1, b"ab").is_empty());
        assert_eq!(stream.add(0, b"cd"), [b"cd", b"ef"]);
        assert_eq!(stream.add(2, b"efgh"), [b"gh"]);
        assert_eq!(stream.gap(), None);
    }
}
