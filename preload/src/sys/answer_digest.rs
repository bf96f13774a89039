//! Digest of the server's answers, for a comparison of transports. Any thread of the server may answer.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

/// Parameters of the hash FNV-1a with 64 bits (RFC 9923, section 5).
const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

static ENABLED: AtomicBool = AtomicBool::new(false);
static DIGEST: AtomicU64 = AtomicU64::new(OFFSET_BASIS);

/// Begins to compute digests.
pub(crate) fn enable() {
    ENABLED.store(true, SeqCst);
}

/// Whether digests are computed.
pub(crate) fn is_enabled() -> bool {
    ENABLED.load(SeqCst)
}

/// Adds a piece of an answer. The digest does not depend on how an answer is cut into pieces.
pub(crate) fn add(piece: &[u8]) {
    DIGEST
        .fetch_update(SeqCst, SeqCst, |digest| {
            Some(piece.iter().fold(digest, |digest, byte| step(digest, *byte)))
        })
        .ok();
}

/// Returns the digest of all pieces since the last call.
pub(crate) fn take() -> u64 {
    DIGEST.swap(OFFSET_BASIS, SeqCst)
}

fn step(digest: u64, byte: u8) -> u64 {
    (digest ^ u64::from(byte)).wrapping_mul(PRIME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_do_not_matter_and_bytes_do() {
        let digest = |pieces: &[&[u8]]| {
            pieces.iter().for_each(|piece| add(piece));
            take()
        };
        assert_eq!(digest(&[b"a"]), 0xaf63_dc4c_8601_ec8c, "of the RFC's test vectors");
        assert_eq!(digest(&[b"HTTP/1.1 200 OK\r\n", b"\r\n"]), digest(&[b"HTTP", b"/1.1 200 OK\r\n\r\n"]));
        assert_ne!(digest(&[b"200"]), digest(&[b"404"]));
    }
}
