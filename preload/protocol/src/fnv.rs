//! Hash FNV-1a with 64 bits (RFC 9923, section 5). It detects differences, and does not resist forgery.

/// Hash of no bytes.
pub const EMPTY: u64 = 0xcbf2_9ce4_8422_2325;

const PRIME: u64 = 0x0100_0000_01b3;

/// Returns the hash of the bytes that `hash` stands for, followed by `bytes`.
#[must_use]
pub fn extend(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}
