//! Fingerprints of content, to detect that a file has changed. They do not resist forgery.

use sockfuzz_protocol::fnv;

/// Returns the FNV-1a hash of the bytes in hexadecimal digits.
#[must_use]
pub fn fingerprint(bytes: &[u8]) -> String {
    format!("{:016x}", fnv::extend(fnv::EMPTY, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_test_vectors_match() {
        assert_eq!(fingerprint(b""), "cbf29ce484222325");
        assert_eq!(fingerprint(b"a"), "af63dc4c8601ec8c");
    }
}
