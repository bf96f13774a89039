//! Digest of the server's answers, for a comparison of transports. Any thread of the server may answer.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use sockfuzz_protocol::fnv;

static ENABLED: AtomicBool = AtomicBool::new(false);
static DIGEST: AtomicU64 = AtomicU64::new(fnv::EMPTY);

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
    let _always_succeeds = DIGEST.fetch_update(SeqCst, SeqCst, |digest| Some(fnv::extend(digest, piece)));
}

/// Returns the digest of all pieces since the last call.
pub(crate) fn take() -> u64 {
    DIGEST.swap(fnv::EMPTY, SeqCst)
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
