use std::io::{Read, Write};
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoClientAuth, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion};

use super::*;

/// Certificate for `localhost`, and its key.
fn certified() -> CertifiedKey<rcgen::KeyPair> {
    generate_simple_self_signed(["localhost".to_owned()]).expect("the name is valid")
}

/// Configuration of a server that speaks both protocols over these versions.
fn server(versions: &[&'static SupportedProtocolVersion]) -> Arc<ServerConfig> {
    server_that_asks(versions, Arc::new(NoClientAuth))
}

/// The same with a verifier of the client's certificate.
fn server_that_asks(
    versions: &[&'static SupportedProtocolVersion],
    verifier: Arc<dyn ClientCertVerifier>,
) -> Arc<ServerConfig> {
    let CertifiedKey { cert, signing_key } = certified();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("the key is valid");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("the provider has the versions")
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("the certificate is valid");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}

/// Connection of a client to a server in memory.
struct Pair {
    client: TlsClient,
    server: ServerConnection,
    /// Records that the client has sent.
    sent: Vec<u8>,
    /// Plaintext that the client has got.
    got: Vec<u8>,
}

impl Pair {
    fn new(connector: &Connector, protocol: Protocol, config: &Arc<ServerConfig>) -> Self {
        let server = ServerConnection::new(Arc::clone(config)).expect("the configuration is valid");
        let mut pair =
            Self { client: connector.connect(protocol), server, sent: Vec::new(), got: Vec::new() };
        (0..4).for_each(|_| drop(pair.exchange()));
        pair
    }

    /// Takes the records of each side to the other one. Returns the plaintext that the server has got.
    fn exchange(&mut self) -> Vec<u8> {
        let mut records = self.client.unsent().to_vec();
        self.client.consume(records.len());
        self.sent.extend_from_slice(&records);
        let mut read = Vec::new();
        let mut left = records.as_mut_slice() as &[u8];
        while !left.is_empty() {
            self.server.read_tls(&mut left).expect("a slice can be read");
            let _refused = self.server.process_new_packets();
            let _nothing_left = self.server.reader().read_to_end(&mut read);
        }
        let mut answer = Vec::new();
        while self.server.wants_write() {
            self.server.write_tls(&mut answer).expect("a vector takes everything");
        }
        let got = &mut self.got;
        self.client.receive(&answer, |plaintext| got.extend_from_slice(plaintext));
        read
    }
}

fn connector() -> Connector {
    Connector::new(&Settings::new("localhost")).expect("the settings are valid")
}

#[test]
fn plaintext_goes_both_ways_in_each_version() {
    for (versions, is_tls13) in Versions::ALL.into_iter().zip([false, true]) {
        let mut connector = connector();
        connector.offer(versions);
        let mut pair = Pair::new(&connector, Protocol::Http1, &server(&[&TLS12, &TLS13]));
        let handshake = pair.client.handshake().expect("the handshake is over");
        assert_eq!((handshake.is_tls13, handshake.is_resumed), (is_tls13, false));
        assert_eq!(handshake.protocol.as_deref(), Some(&b"http/1.1"[..]));
        pair.client.write(b"GET / HTTP/1.1\r\n\r\n");
        assert_eq!(pair.exchange(), b"GET / HTTP/1.1\r\n\r\n");
        pair.server.writer().write_all(&[b'a'; 40_000]).expect("the buffer takes it");
        pair.exchange();
        pair.exchange();
        assert!(pair.got.starts_with(b"aaaa"));
        assert_eq!(pair.client.end(), TlsEnd::Open);
    }
}

#[test]
fn two_runs_send_the_same_records_before_the_server_draws_anything() {
    let [first, second] = [(); 2].map(|()| connector().connect(Protocol::Http1).unsent().to_vec());
    assert_eq!(first, second);
}

#[test]
fn protocol_is_that_of_the_first_bytes() {
    let config = server(&[&TLS12, &TLS13]);
    for (first, name) in
        [(&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &b"h2"[..]), (b"GET / HTTP/1.1", b"http/1.1")]
    {
        let pair = Pair::new(&connector(), Protocol::of(first), &config);
        assert_eq!(pair.client.handshake().and_then(|handshake| handshake.protocol).as_deref(), Some(name));
    }
}

#[test]
fn all_handshakes_after_the_first_resume_its_session() {
    let (connector, config) = (connector(), server(&[&TLS12]));
    assert!(
        !Pair::new(&connector, Protocol::Http1, &config).client.handshake().expect("it is over").is_resumed
    );
    connector.freeze_sessions();
    let records = [Protocol::Http1, Protocol::Http2, Protocol::Http1, Protocol::Http1].map(|protocol| {
        let pair = Pair::new(&connector, protocol, &config);
        assert!(pair.client.handshake().expect("it is over").is_resumed);
        pair.sent
    });
    let hello_bytes = |records: &[u8]| records[..200].to_vec();
    assert_eq!(hello_bytes(&records[0]), hello_bytes(&records[3]), "ClientHello with the same session");
}

#[test]
fn a_version_that_the_server_refuses_is_a_failure_and_the_next_one_works() {
    let (mut connector, config) = (connector(), server(&[&TLS13]));
    let refused = Pair::new(&connector, Protocol::Http1, &config).client;
    assert_eq!(refused.end(), TlsEnd::Failed);
    assert!(!refused.is_handshaking());
    assert!(refused.failure().is_some_and(|why| why.contains("alert")), "{:?}", refused.failure());
    connector.offer(Versions::Tls13);
    assert!(Pair::new(&connector, Protocol::Http1, &config).client.handshake().is_some());
}

#[test]
fn an_answer_that_is_no_record_is_a_failure() {
    let mut client = connector().connect(Protocol::Http1);
    let mut got = Vec::new();
    assert_eq!(
        client.receive(b"HTTP/1.1 400 Bad Request\r\n\r\n", |plaintext| got.extend_from_slice(plaintext)),
        TlsEnd::Failed
    );
    assert!(got.is_empty());
    assert_eq!(client.reply(), Reply::Plain);
}

#[test]
fn close_is_said_once_and_understood() {
    let mut pair = Pair::new(&connector(), Protocol::Http1, &server(&[&TLS12]));
    pair.client.close();
    let said = pair.client.unsent().len();
    pair.client.close();
    assert_eq!(pair.client.unsent().len(), said);
    pair.exchange();
    assert_eq!(pair.server.reader().read(&mut [0]).expect("the end is clean"), 0);
    pair.server.send_close_notify();
    pair.exchange();
    assert_eq!(pair.client.end(), TlsEnd::Closed);
    let mut early = connector().connect(Protocol::Http1);
    early.consume(early.unsent().len());
    early.close();
    assert!(early.unsent().is_empty(), "nothing is said before the handshake is over");
}

#[test]
fn a_client_shows_its_certificate() {
    let CertifiedKey { cert, signing_key } = certified();
    let (certificate, key) = (cert.pem(), signing_key.serialize_pem());
    assert_eq!(Identity::from_pem(key.as_bytes()).err(), Some(IdentityError::NoCertificate));
    assert_eq!(Identity::from_pem(certificate.as_bytes()).err(), Some(IdentityError::NoKey));
    let identity = Identity::from_pem((certificate + &key).as_bytes()).expect("both are there");
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).expect("the certificate is valid");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .allow_unauthenticated()
        .build()
        .expect("there is a root");
    let settings = Settings { identity: Some(identity), ..Settings::new("localhost") };
    let connector = Connector::new(&settings).expect("the settings are valid");
    let pair = Pair::new(&connector, Protocol::Http1, &server_that_asks(&[&TLS12], verifier));
    assert_eq!(pair.server.peer_certificates().map(<[_]>::len), Some(1));
}
