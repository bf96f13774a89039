//! Whether a server speaks TLS: it answers the first message of a client with a record of TLS. A server without TLS closes
//! the connection, or answers in its own protocol, for example that the request is bad.

use std::io::Result;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use sockfuzz_protocol::InputFormat;
use sockfuzz_protocol::session::Session;
use sockfuzz_tls::{Reply, first_reply};

use super::client_stream::ClientStream;
use super::process_tree;
use super::tcp_client::{self, TcpTimeouts};
use super::tls_client::{self, TlsSettings};

/// Time for which a silent server may keep the half-closed connection open.
const LINGER: Duration = Duration::from_millis(100);

/// Whether the server at a TCP port speaks TLS. A server that is not a descendant of this process counts as idle when it
/// has said nothing for a few milliseconds.
///
/// # Errors
/// When the connection fails.
pub fn speaks_tls(address: SocketAddr, settings: &TlsSettings, timeout: Duration) -> Result<bool> {
    speaks_tls_by(|| TcpStream::connect_timeout(&address, timeout), settings, timeout)
}

/// As [`speaks_tls`], over the connection that `dial` opens.
pub(super) fn speaks_tls_by(
    mut dial: impl FnMut() -> Result<TcpStream>,
    settings: &TlsSettings,
    timeout: Duration,
) -> Result<bool> {
    let hello = Session::of_input(&tls_client::client_hello(settings)?, InputFormat::Raw);
    let timeouts = TcpTimeouts { timeout, linger: LINGER };
    let dial = |_| ClientStream::new(dial()?, None);
    let answers = tcp_client::play(dial, &hello, timeouts, None, process_tree::is_asleep)?;
    Ok(first_reply(&answers.bytes.concat()) == Reply::Tls)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpListener};
    use std::thread;

    use sockfuzz_protocol::Options;

    use super::*;

    /// Probes a server that answers one connection.
    fn probe(answer: &'static [u8]) -> bool {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
        let address = listener.local_addr().expect("address");
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("accept");
            let mut hello = [0; 5];
            stream.read_exact(&mut hello).expect("a record");
            stream.write_all(answer).expect("write");
            hello
        });
        let settings = TlsSettings::of(&Options::from_lookup(|_| None).expect("defaults")).expect("settings");
        let speaks = speaks_tls(address, &settings, Duration::from_secs(20)).expect("probed");
        let hello = server.join().expect("server");
        assert_eq!(first_reply(&hello), Reply::Tls, "the client begins a handshake");
        speaks
    }

    #[test]
    fn an_alert_and_a_handshake_message_are_tls() {
        assert!(probe(b"\x15\x03\x03\x00\x02\x02\x28"));
        assert!(probe(b"\x16\x03\x03\x00\x01\x02"));
    }

    #[test]
    fn silence_and_an_answer_in_plaintext_are_not_tls() {
        assert!(!probe(b""));
        assert!(!probe(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"));
    }
}
