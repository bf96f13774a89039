//! Recognition of a server that speaks TLS, by its first bytes.

/// Content type of a record with an alert (RFC 8446, section 5.1).
const ALERT: u8 = 21;
/// Content type of a record with handshake messages.
const HANDSHAKE: u8 = 22;
/// Major version of every record since SSL 3.
const MAJOR_VERSION: u8 = 3;

/// Kind of a server's first bytes after a ClientHello.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// Too few to tell.
    Unknown,
    /// A record: handshake messages, or an alert.
    Tls,
    /// Something else, such as the answer of an HTTP server to a request that makes no sense.
    Plain,
}

/// Tells the kind of the first bytes that a server sends.
#[must_use]
pub fn first_reply(bytes: &[u8]) -> Reply {
    match bytes {
        [] | [HANDSHAKE | ALERT] => Reply::Unknown,
        [HANDSHAKE | ALERT, MAJOR_VERSION, ..] => Reply::Tls,
        _ => Reply::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_told_from_other_answers() {
        assert_eq!(first_reply(b""), Reply::Unknown);
        assert_eq!(first_reply(b"\x15"), Reply::Unknown);
        assert_eq!(first_reply(b"\x15\x03\x03\0\x02\x02\x28"), Reply::Tls);
        assert_eq!(first_reply(b"\x16\x03"), Reply::Tls);
        assert_eq!(first_reply(b"HTTP/1.1 400 Bad Request\r\n"), Reply::Plain);
        assert_eq!(first_reply(b"\x16 is no record"), Reply::Plain);
    }
}
