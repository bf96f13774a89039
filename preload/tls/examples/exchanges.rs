//! Measures what cryptography costs an iteration over TLS: handshakes between the client and a server of rustls in memory, each with
//! a request and an answer, on one thread and with nothing else.
//!
//!     cargo run --release -p sockfuzz-tls --example exchanges [COUNT]

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Instant;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection};
use sockfuzz_tls::{Connector, Protocol, Settings, Versions};

const REQUEST: &[u8] = b"GET /notes.txt HTTP/1.1\r\nHost: localhost\r\n\r\n";
const ANSWER: &[u8] = &[b'a'; 300];

fn main() {
    let count = std::env::args().nth(1).map_or(10_000, |count| count.parse().expect("a number"));
    let config = Arc::new(configuration());
    for (versions, name) in Versions::ALL.into_iter().zip(["TLS 1.2, resumed", "TLS 1.3, full"]) {
        let mut connector = Connector::new(&Settings::new("localhost")).expect("the settings are valid");
        connector.offer(versions);
        exchange(&connector, &config);
        connector.freeze_sessions();
        let begin = Instant::now();
        (0..count).for_each(|_| exchange(&connector, &config));
        println!("{name}: {:.0} per second", f64::from(count) / begin.elapsed().as_secs_f64());
    }
}

fn configuration() -> ServerConfig {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("the name is valid");
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("the key is valid");
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has the versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("the certificate is valid")
}

/// Shakes hands, sends a request, and reads the answer.
fn exchange(connector: &Connector, config: &Arc<ServerConfig>) {
    let mut client = connector.connect(Protocol::Http1);
    let mut server = ServerConnection::new(Arc::clone(config)).expect("the configuration is valid");
    let (mut records, mut request, mut answered) = (Vec::new(), Vec::new(), 0);
    let (mut is_sent, mut is_answered) = (false, false);
    while answered < ANSWER.len() {
        if !client.is_handshaking() && !is_sent {
            client.write(REQUEST);
            is_sent = true;
        }
        let mut sent = client.unsent();
        while !sent.is_empty() {
            server.read_tls(&mut sent).expect("a slice can be read");
            server.process_new_packets().expect("the client keeps to the protocol");
        }
        client.consume(client.unsent().len());
        let _nothing_left = server.reader().read_to_end(&mut request);
        if request.len() >= REQUEST.len() && !is_answered {
            server.writer().write_all(ANSWER).expect("the buffer has room");
            is_answered = true;
        }
        records.clear();
        while server.wants_write() {
            server.write_tls(&mut records).expect("a vector takes everything");
        }
        client.receive(&records, |plaintext| answered += plaintext.len());
    }
}
