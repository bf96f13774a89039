//! Text form of TLS, of what clients send and servers answer.

use sockfuzz_model::tls::RecordStream;
use sockfuzz_protocol::session::{Connection, Session};

use super::exchanges::sent_on;

/// Returns the records, messages and elements of bytes that begin with a record of TLS; `None` for other bytes.
#[must_use]
pub fn as_text(bytes: &[u8]) -> Option<String> {
    RecordStream::recognises(bytes).then(|| RecordStream::parse(bytes).to_string())
}

/// Returns the connections of a session on which the client speaks TLS, with the text form of what it sends.
#[must_use]
pub fn connections(session: &Session) -> Vec<(Connection, String)> {
    let text = |connection| Some((connection, as_text(&sent_on(session, connection).bytes)?));
    Connection::ALL.into_iter().filter_map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_connections_with_tls_have_a_text() {
        let session = Session::decode(b"\x15\x03\x03\0\x02\x01\xf5\x41GET / HTTP/1.1\r\n\r\n\xf5\x40\0");
        let text = "record alert, TLS 1.2, 2 bytes\n  alert warning, close_notify\n".to_owned();
        assert_eq!(connections(&session), [(Connection::ALL[0], text)]);
    }
}
