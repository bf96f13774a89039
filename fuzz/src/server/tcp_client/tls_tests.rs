//! Sessions over TLS, against rustls as a server.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use sockfuzz_protocol::{InputFormat, Options};

use super::super::tls_client::{TlsApplication, TlsSettings};
use super::super::tls_probe;
use super::*;
use crate::util::certificates::CertificateSet;

type ServerStream = StreamOwned<ServerConnection, TcpStream>;

/// Listener of a server that speaks TLS.
struct TlsListener {
    listener: TcpListener,
    config: Arc<ServerConfig>,
}

impl TlsListener {
    fn new(protocols: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("tempdir");
        CertificateSet::make(directory.path(), false).expect("made");
        let file = |name| directory.path().join(name);
        let chain = vec![CertificateDer::from_pem_file(file("server.crt")).expect("a certificate")];
        let key = PrivateKeyDer::from_pem_file(file("server.key")).expect("a key");
        let config = ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into());
        let config = config.with_safe_default_protocol_versions().expect("versions").with_no_client_auth();
        let mut config = config.with_single_cert(chain, key).expect("they belong together");
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
        Self { listener, config: config.into() }
    }

    fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("address")
    }

    fn accept(&self) -> ServerStream {
        let (socket, _) = self.listener.accept().expect("accept");
        StreamOwned::new(ServerConnection::new(self.config.clone()).expect("a connection"), socket)
    }

    /// Serves in a thread.
    fn serve<T: Send + 'static>(self, serve: impl FnOnce(Self) -> T + Send + 'static) -> JoinHandle<T> {
        thread::spawn(move || serve(self))
    }
}

const TIMEOUTS: TcpTimeouts =
    TcpTimeouts { timeout: Duration::from_secs(20), linger: Duration::from_millis(50) };

fn settings() -> TlsSettings {
    let options = Options::from_lookup(|_| None).expect("defaults");
    TlsSettings::of(&options).expect("settings")
}

fn play_at(address: SocketAddr, session: &Session) -> TcpAnswers {
    let settings = settings();
    let dial = |connection| {
        let tls = settings.client(TlsApplication::of(session, connection))?;
        ClientStream::new(TcpStream::connect(address)?, Some(tls))
    };
    play(dial, session, TIMEOUTS, None, || true).expect("played")
}

/// Plays `input` against a server that handles one connection, and returns its answer.
fn against(input: &[u8], serve: impl FnOnce(ServerStream) + Send + 'static) -> TcpAnswers {
    let listener = TlsListener::new(&[]);
    let address = listener.address();
    let server = listener.serve(|listener| serve(listener.accept()));
    let answers = play_at(address, &Session::of_input(input, InputFormat::Raw));
    server.join().expect("server");
    answers
}

#[test]
fn a_half_close_is_close_notify() {
    for input in [&b"hello"[..], b""] {
        let answers = against(input, |mut stream| {
            let mut request = Vec::new();
            // The end of the connection without close_notify is an error.
            stream.read_to_end(&mut request).expect("read");
            stream.write_all(&request).expect("write");
            stream.write_all(b"!").expect("write");
            stream.conn.send_close_notify();
            stream.flush().expect("flush");
        });
        assert_eq!(answers.bytes.concat(), [input, b"!"].concat());
        assert!(!answers.reset[0]);
    }
}

#[test]
fn big_inputs_and_answers_do_not_deadlock() {
    const SIZE: usize = 4 << 20;
    let answers = against(&vec![b'i'; 1 << 20], |mut stream| {
        stream.write_all(&vec![b'o'; SIZE]).expect("write");
        stream.flush().expect("flush");
        stream.read_to_end(&mut Vec::new()).expect("read");
    });
    assert_eq!(answers.bytes.concat().len(), SIZE);
}

#[test]
fn an_answer_counts_without_close_notify() {
    let answers = against(b"x", |mut stream| {
        stream.read_exact(&mut [0]).expect("read");
        stream.write_all(b"partial").expect("write");
    });
    assert_eq!(answers.bytes.concat(), b"partial");
}

#[test]
fn a_refused_handshake_is_a_reset_without_an_answer() {
    let listener = TlsListener::new(&["h2"]);
    let address = listener.address();
    let server = listener.serve(|listener| {
        let error = listener.accept().read(&mut [0]).expect_err("no common protocol");
        assert!(error.to_string().contains("protocol"), "{error}");
    });
    let answers = play_at(address, &Session::of_input(b"GET / HTTP/1.1\r\n\r\n", InputFormat::Raw));
    server.join().expect("server");
    assert_eq!(answers.bytes.concat(), b"");
    assert!(answers.reset[0]);
}

#[test]
fn a_close_says_so_and_a_reset_does_not() {
    let listener = TlsListener::new(&[]);
    let address = listener.address();
    let server = listener.serve(|listener| {
        let mut seen = Vec::new();
        for _ in 0..2 {
            let mut stream = listener.accept();
            stream.read_exact(&mut [0]).expect("read");
            seen.push(stream.read(&mut [0]).map_err(|error| error.kind()));
        }
        seen
    });
    let session = "send 0 \"a\"\nclose 0\nsend 1 \"b\"\nreset 1".parse().expect("well written");
    play_at(address, &session);
    assert_eq!(server.join().expect("server"), [Ok(0), Err(ErrorKind::ConnectionReset)]);
}

#[test]
fn the_protocol_follows_from_what_a_connection_sends() {
    let listener = TlsListener::new(&["http/1.1", "h2"]);
    let address = listener.address();
    let server = listener.serve(|listener| {
        [(); 2].map(|()| {
            let mut stream = listener.accept();
            stream.read_exact(&mut [0]).expect("read");
            String::from_utf8(stream.conn.alpn_protocol().expect("agreed").to_vec()).expect("a name")
        })
    });
    let session = r#"send 0 "GET / HTTP/1.1\r\n"
                     send 1 "PRI * HTTP/2.0\r\n"
                     send 1 "\r\nSM\r\n\r\n""#;
    play_at(address, &session.parse().expect("well written"));
    assert_eq!(server.join().expect("server"), ["http/1.1", "h2"]);
}

#[test]
fn a_server_with_tls_is_recognised() {
    let listener = TlsListener::new(&["h2"]);
    let address = listener.address();
    let server = listener.serve(|listener| drop(listener.accept().read(&mut [0])));
    assert!(tls_probe::speaks_tls(address, &settings(), Duration::from_secs(20)).expect("probed"));
    server.join().expect("server");
}
