//! Operands in a row of cmplog's map (AFL++'s include/cmplog.h: cmp_header, cmp_operands, cmpfn_operands).

use crate::learned::{MAX_OPERAND_BYTES, Operands};

/// Size of the operands of one comparison in a row, in bytes.
const ENTRY_LEN: usize = 72;
/// Number of entries in a row of calls (CMP_MAP_RTN_H); one of instructions has twice as many.
const CALLS: usize = 16;
/// Offset of the second operand in an entry, in bytes.
const SECOND: usize = 32;
/// Offsets of the operands' lengths in the entry of a call, in bytes.
const LENGTHS: [usize; 2] = [64, 65];
/// Bits of a length. The highest one marks texts.
const LENGTH_BITS: u8 = 0x7f;
/// Size of the smallest integers that are looked at, in bytes. Smaller ones are found without help.
const MIN_INTEGER_BYTES: usize = 4;
/// Size of the largest integers.
const MAX_INTEGER_BYTES: usize = 16;

/// Header of a row: 6 bits of hits, 5 of the size minus one, 1 of the type, 4 of an attribute.
#[derive(Debug, Clone, Copy)]
struct Header {
    hits: usize,
    /// Size of the operands in bytes.
    size: usize,
    is_call: bool,
}

impl Header {
    fn parse(bytes: [u8; 2]) -> Self {
        let bits = usize::from(u16::from_le_bytes(bytes));
        Self { hits: bits & 0x3f, size: (bits >> 6 & 0x1f) + 1, is_call: bits >> 11 & 1 == 1 }
    }
}

/// Returns the operands of a row, without those of small integers.
pub(crate) fn of_row(header: [u8; 2], row: &[u8]) -> impl Iterator<Item = Operands> {
    let header = Header::parse(header);
    let count = match header {
        Header { is_call: true, hits, .. } => hits.min(CALLS),
        Header { size: ..MIN_INTEGER_BYTES, .. } => 0,
        Header { hits, .. } => hits.min(2 * CALLS),
    };
    row.chunks_exact(ENTRY_LEN).take(count).map(move |entry| {
        let sides = [0, 1].map(|side| {
            let len = match header.is_call {
                true => usize::from(entry[LENGTHS[side]] & LENGTH_BITS).min(MAX_OPERAND_BYTES),
                false => header.size.min(MAX_INTEGER_BYTES),
            };
            &entry[side * SECOND..][..len]
        });
        Operands::new(sides)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(left: &[u8], right: &[u8], lens: [u8; 2]) -> Vec<u8> {
        let mut entry = [0; ENTRY_LEN];
        entry[..left.len()].copy_from_slice(left);
        entry[SECOND..SECOND + right.len()].copy_from_slice(right);
        entry[LENGTHS[0]..=LENGTHS[1]].copy_from_slice(&lens);
        entry.repeat(32)
    }

    fn header(hits: u16, size: u16, is_call: bool) -> [u8; 2] {
        (hits | (size - 1) << 6 | u16::from(is_call) << 11).to_le_bytes()
    }

    #[test]
    fn calls_have_lengths_of_their_own() {
        let row = row(b"/index", b"/qzx/inventory", [6, 0x80 + 14]);
        let operands: Vec<_> = of_row(header(1, 14, true), &row).collect();
        assert_eq!(operands, [Operands::new([b"/index", b"/qzx/inventory"])]);
        assert_eq!(of_row(header(63, 14, true), &row).count(), 16);
    }

    #[test]
    fn integers_have_the_size_in_the_header() {
        let row = row(b"GET /ind", b"PURGE /a", [0, 0]);
        assert_eq!(of_row(header(1, 8, false), &row).next(), Some(Operands::new([b"GET /ind", b"PURGE /a"])));
        assert_eq!(of_row(header(63, 8, false), &row).count(), 32);
        assert_eq!(of_row(header(1, 2, false), &row).count(), 0);
    }
}
