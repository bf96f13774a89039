//! Measures what cryptography costs an iteration over TLS: handshakes between the client and a server of rustls, and one of
//! OpenSSL (if libssl.so.3 is there), in memory, each with a request and an answer, on one thread and with nothing else.
//!
//!     cargo run --release -p sockfuzz-tls --example exchanges [COUNT]

mod openssl_server;
mod rustls_server;

use std::time::Instant;

use openssl_server::OpensslContext;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls_server::RustlsContext;
use sockfuzz_tls::{Connector, Protocol, Settings, Versions};

const REQUEST: &[u8] = b"GET /notes.txt HTTP/1.1\r\nHost: localhost\r\n\r\n";
const ANSWER: &[u8] = &[b'a'; 300];

/// Certificate and key of a server, in DER.
struct Certificate {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

/// Makes the server's ends of connections.
trait Context {
    fn accept(&self) -> Box<dyn Server + '_>;
}

/// Server's end of a connection.
trait Server {
    /// Takes records of the client.
    fn receive(&mut self, records: &[u8]);

    /// Returns how many bytes of the request have arrived.
    fn received(&mut self) -> usize;

    fn answer(&mut self, answer: &[u8]);

    /// Appends the records that are to be sent.
    fn send(&mut self, records: &mut Vec<u8>);
}

fn main() {
    let count = std::env::args().nth(1).map_or(10_000, |count| count.parse().expect("a number"));
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("the name is valid");
    let certificate = Certificate { certificate: cert.der().to_vec(), key: signing_key.serialize_der() };
    measure("rustls", &RustlsContext::new(&certificate), count);
    match OpensslContext::new(&certificate) {
        Ok(context) => measure("OpenSSL", &context, count),
        Err(error) => println!("OpenSSL: not measured: {error}"),
    }
}

fn measure(library: &str, context: &dyn Context, count: u32) {
    for (versions, name) in Versions::ALL.into_iter().zip(["TLS 1.2, resumed", "TLS 1.3, full"]) {
        let mut connector = Connector::new(&Settings::new("localhost")).expect("the settings are valid");
        connector.offer(versions);
        exchange(&connector, context);
        connector.freeze_sessions();
        let begin = Instant::now();
        (0..count).for_each(|_| exchange(&connector, context));
        println!("{library}, {name}: {:.0} per second", f64::from(count) / begin.elapsed().as_secs_f64());
    }
}

/// Shakes hands, sends a request, and reads the answer.
fn exchange(connector: &Connector, context: &dyn Context) {
    let mut client = connector.connect(Protocol::Http1);
    let mut server = context.accept();
    let (mut records, mut answered) = (Vec::new(), 0);
    let (mut is_sent, mut is_answered) = (false, false);
    while answered < ANSWER.len() {
        if !client.is_handshaking() && !is_sent {
            client.write(REQUEST);
            is_sent = true;
        }
        server.receive(client.unsent());
        client.consume(client.unsent().len());
        if server.received() >= REQUEST.len() && !is_answered {
            server.answer(ANSWER);
            is_answered = true;
        }
        records.clear();
        server.send(&mut records);
        client.receive(&records, |plaintext| answered += plaintext.len());
    }
}
