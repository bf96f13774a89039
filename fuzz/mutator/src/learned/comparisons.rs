//! Words from comparisons: where a server compares a part of an input with a text, the text is a word.

use memchr::memmem;
use sockfuzz_model::{WordKind, is_path_byte};

use super::{Learned, Origin};

/// Length of the longest operand, in bytes (AFL++'s include/cmplog.h: cmpfn_operands).
pub(crate) const MAX_OPERAND_BYTES: usize = 32;

/// Number of first bytes of an operand by which it is found in the input: more are often not compared.
const PREFIX_BYTES: usize = 3;

/// Both sides of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Operands {
    sides: [[u8; MAX_OPERAND_BYTES]; 2],
    lens: [usize; 2],
}

impl Operands {
    /// Copies both sides, up to their largest length.
    pub(crate) fn new(sides: [&[u8]; 2]) -> Self {
        let mut operands = Self { sides: [[0; MAX_OPERAND_BYTES]; 2], lens: [0; 2] };
        for (index, side) in sides.iter().enumerate() {
            let len = side.len().min(MAX_OPERAND_BYTES);
            operands.sides[index][..len].copy_from_slice(&side[..len]);
            operands.lens[index] = len;
        }
        operands
    }

    /// Returns the word at the start of each side.
    fn words(&self) -> [&[u8]; 2] {
        [0, 1].map(|index| {
            let side = &self.sides[index][..self.lens[index]];
            let end = side.iter().position(|byte| !is_path_byte(*byte)).unwrap_or(side.len());
            &side[..end]
        })
    }
}

impl Learned {
    /// Adds, of each comparison, the side that is not in the input, if the other one is.
    pub(crate) fn add_operands(&mut self, operands: &[Operands], input: &[u8]) {
        for comparison in operands {
            let [left, right] = comparison.words();
            if left == right {
                continue;
            }
            for (ours, theirs) in [(left, right), (right, left)] {
                // Finding a text takes longer than telling its kind.
                if WordKind::of(theirs).is_some()
                    && is_in(ours, input)
                    && memmem::find(input, theirs).is_none()
                {
                    self.add_text(Origin::Comparison, theirs);
                }
            }
        }
    }
}

/// Whether a side of a comparison begins with a part of the input. Servers compare names in lower case.
fn is_in(side: &[u8], input: &[u8]) -> bool {
    let prefix = &side[..side.len().min(PREFIX_BYTES)];
    prefix.len() > 1 && input.windows(prefix.len()).any(|window| window.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    const INPUT: &[u8] = b"GET /index HTTP/1.1\r\nHost: localhost\r\n\r\n";

    fn learned(left: &[u8], right: &[u8]) -> Learned {
        let mut learned = Learned::default();
        learned.add_operands(&[Operands::new([left, right])], INPUT);
        learned
    }

    fn pick(learned: &Learned, kind: WordKind) -> Option<&[u8]> {
        learned.pick(&mut Random::new(1), kind)
    }

    #[test]
    fn the_side_that_is_not_in_the_input_is_learned() {
        let path = learned(b"/qzx/inventory\0and more", b"/index HTTP/1.1\r\n");
        assert_eq!(pick(&path, WordKind::Path), Some(&b"/qzx/inventory"[..]));
        assert_eq!(pick(&learned(b"GET /index", b"PURGE"), WordKind::Method), Some(&b"PURGE"[..]));
        assert_eq!(pick(&learned(b"host", b"x-api-key"), WordKind::Header), Some(&b"x-api-key"[..]));
    }

    #[test]
    fn comparisons_of_other_data_are_left_out() {
        for (left, right) in
            [(&b"/etc/passwd"[..], &b"/etc/hosts"[..]), (b"/index", b"Host"), (b"", b"/secret")]
        {
            let learned = learned(left, right);
            assert!(WordKind::ALL.iter().all(|kind| pick(&learned, *kind).is_none()), "{left:?}");
        }
    }
}
