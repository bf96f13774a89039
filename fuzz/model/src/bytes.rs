//! Mutation of bytes without structure.

use crate::random::Random;

/// Changes, drops or repeats some bytes, or inserts one of `special`.
pub(crate) fn mutate_bytes(bytes: &mut Vec<u8>, special: &[u8], random: &mut impl Random) {
    let len = bytes.len();
    let at = random.below(len);
    match random.below(5) {
        0 if len > 0 => bytes[at] = random.byte(),
        1 if len > 0 => bytes[at] ^= 1 << random.below(8),
        2 if len > 0 => drop(bytes.drain(at..(at + 1 + random.below(4)).min(len))),
        3 if len > 0 => {
            let piece = bytes[at..(at + 1 + random.below(32)).min(len)].to_vec();
            bytes.splice(at..at, piece);
        }
        _ => bytes.insert(at, *random.pick(special)),
    }
}
