//! Server that speaks TLS with rustls on blocking sockets, one connection after the other. It answers each request with what it
//! knows of the connection, and logs how connections end.
//!
//! Arguments: the versions that it speaks (`1.2`, `1.3` or `both`); `ask` to demand a certificate of its clients; `threads` to
//! serve connections at once; `packets` to log how many reads a connection took instead of how it ended.

use std::env;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::NoClientAuth;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, ServerConfig, ServerConnection, SignatureScheme, Stream,
};

fn main() -> Result<()> {
    let config = Arc::new(configuration());
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let has_threads = is_given("threads");
    loop {
        let (socket, _) = listener.accept()?;
        if has_threads {
            let config = Arc::clone(&config);
            thread::spawn(move || serve_and_log(socket, &config));
        } else {
            serve_and_log(socket, &config)?;
        }
    }
}

fn is_given(word: &str) -> bool {
    env::args().any(|argument| argument == word)
}

fn serve_and_log(socket: TcpStream, config: &Arc<ServerConfig>) -> Result<()> {
    let mut packets = Packets { socket, read: 0 };
    let end = match serve(&mut packets, config) {
        Ok(()) => "close_notify".to_owned(),
        Err(error) if error.kind() == ErrorKind::InvalidData => format!("invalid: {error}"),
        Err(error) => format!("{:?}", error.kind()),
    };
    if is_given("packets") { log(&packets.read.to_string()) } else { log(&end) }
}

fn configuration() -> ServerConfig {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let versions = match arguments.first().map(String::as_str) {
        Some("1.2") => vec![&TLS12],
        Some("1.3") => vec![&TLS13],
        _ => vec![&TLS12, &TLS13],
    };
    let verifier: Arc<dyn ClientCertVerifier> =
        if is_given("ask") { Arc::new(Demanded) } else { Arc::new(NoClientAuth) };
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("the name is valid");
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("the key is valid");
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&versions)
        .expect("the provider has the versions")
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("the certificate is valid");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

/// Serves a connection to its end. Returns an error unless the client has ended it by a close_notify.
fn serve(socket: &mut Packets, config: &Arc<ServerConfig>) -> Result<()> {
    let mut tls = ServerConnection::new(Arc::clone(config)).expect("the configuration is valid");
    let mut stream = Stream::new(&mut tls, socket);
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        request.extend_from_slice(&buffer[..count]);
        if request.ends_with(b"\r\n\r\n") {
            let body = describe(stream.conn, request.len());
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
            request.clear();
        }
    }
}

fn describe(tls: &ServerConnection, bytes: usize) -> String {
    format!(
        "{bytes} bytes, {:?}, {:?}, {}, for {}, {} certificates",
        tls.protocol_version().expect("the handshake is over"),
        tls.handshake_kind().expect("the handshake is over"),
        String::from_utf8_lossy(tls.alpn_protocol().unwrap_or(b"no protocol")),
        tls.server_name().unwrap_or("nobody"),
        tls.peer_certificates().map_or(0, <[_]>::len),
    )
}

fn log(line: &str) -> Result<()> {
    let Some(file) = env::var_os("TARGET_LOG") else { return Ok(()) };
    writeln!(OpenOptions::new().append(true).create(true).open(file)?, "{line}")
}

/// Socket that counts what it reads. Without `write_vectored`, rustls writes each record in a call of its own, so over TCP the kernel
/// may hold back all but the first (RFC 896).
struct Packets {
    socket: TcpStream,
    /// Number of reads that returned bytes.
    read: usize,
}

impl Read for Packets {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let count = self.socket.read(buffer)?;
        self.read += usize::from(count > 0);
        Ok(count)
    }
}

impl Write for Packets {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> Result<()> {
        self.socket.flush()
    }
}

/// Verifier that demands a certificate, and accepts any.
#[derive(Debug)]
struct Demanded;

impl ClientCertVerifier for Demanded {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> std::result::Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
