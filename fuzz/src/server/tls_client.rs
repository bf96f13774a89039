//! Client for TLS over real TCP. It accepts every certificate, resumes no session, and never blocks.

use std::fs;
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use sockfuzz_model::http2;
use sockfuzz_protocol::Options;
use sockfuzz_protocol::session::{Action, Connection, Session};
use sockfuzz_tls::{AnyCertificate, Identity};

/// Protocol inside of TLS, which client and server agree on by ALPN (RFC 7301).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsApplication {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 (RFC 9113, section 3.2).
    Http2,
}

impl TlsApplication {
    /// Returns the protocol of a connection of the session: HTTP/2 if what is sent begins with its preface.
    #[must_use]
    pub fn of(session: &Session, connection: Connection) -> Self {
        let steps = session.steps().iter().filter(|step| step.connection == connection);
        let sent = steps.filter_map(|step| match &step.action {
            Action::Send(chunk) => Some(&chunk[..]),
            _ => None,
        });
        match http2::Connection::recognises(&sent.collect::<Vec<_>>().concat()) {
            true => Self::Http2,
            false => Self::Http1,
        }
    }

    fn alpn_name(self) -> Vec<u8> {
        match self {
            Self::Http1 => b"http/1.1".to_vec(),
            Self::Http2 => b"h2".to_vec(),
        }
    }
}

/// What the user decides about a client.
#[derive(Debug)]
pub struct TlsSettings {
    server_name: ServerName<'static>,
    identity: Option<Identity>,
}

impl TlsSettings {
    /// Returns the settings of these options.
    ///
    /// # Errors
    /// When the certificate of the client cannot be read, or the name of the server is none.
    pub fn of(options: &Options) -> Result<Self> {
        let server_name = ServerName::try_from(options.sni.clone())
            .map_err(|_| Error::other(format!("--sni: {:?} is not a name of a server", options.sni)))?;
        let read = |file: &String| {
            Identity::from_pem(&fs::read(file)?).map_err(|error| Error::other(format!("{file}: {error}")))
        };
        Ok(Self { server_name, identity: options.client_certificate.as_ref().map(read).transpose()? })
    }

    /// Returns a client that has said nothing yet.
    ///
    /// # Errors
    /// When the kernel gives no random numbers.
    pub fn client(&self, application: TlsApplication) -> Result<ClientConnection> {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(Error::other)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate));
        let mut config = match &self.identity {
            Some(identity) => builder.with_client_cert_resolver(identity.resolver()),
            None => builder.with_no_client_auth(),
        };
        config.resumption = Resumption::disabled();
        config.alpn_protocols = vec![application.alpn_name()];
        ClientConnection::new(Arc::new(config), self.server_name.clone()).map_err(Error::other)
    }
}

/// Returns the record with which a client begins a connection.
///
/// # Errors
/// When the kernel gives no random numbers.
pub fn client_hello(settings: &TlsSettings) -> Result<Vec<u8>> {
    let mut hello = Vec::new();
    settings.client(TlsApplication::Http1)?.write_tls(&mut hello)?;
    Ok(hello)
}

/// Connection to a server that speaks TLS. What is read and written is the content; the handshake goes on with every
/// read and write.
#[derive(Debug)]
pub struct TlsStream {
    session: ClientConnection,
    socket: TcpStream,
    /// Number of bytes of records that were transferred.
    transferred: usize,
    /// Whether nothing more is sent after the records that wait.
    closing: bool,
}

impl TlsStream {
    /// Begins a connection over a socket that does not block.
    #[must_use]
    pub fn new(socket: TcpStream, session: ClientConnection) -> Self {
        Self { session, socket, transferred: 0, closing: false }
    }

    /// Returns the connection below.
    #[must_use]
    pub fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Returns the number of bytes of records that were transferred, in both directions.
    #[must_use]
    pub fn transferred(&self) -> usize {
        self.transferred
    }

    /// Whether the handshake is not complete.
    #[must_use]
    pub fn is_handshaking(&self) -> bool {
        self.session.is_handshaking()
    }

    /// Whether records wait until the connection takes them.
    #[must_use]
    pub fn has_unsent(&self) -> bool {
        self.session.wants_write()
    }

    /// Says that no more content follows (close_notify; RFC 8446, section 6.1).
    ///
    /// # Errors
    /// When the connection fails.
    pub fn close_session(&mut self) -> Result<()> {
        self.session.send_close_notify();
        self.send_records()
    }

    /// As [`Self::close_session`], then closes the sending half of the connection, as soon as all is sent.
    ///
    /// # Errors
    /// When the connection fails.
    pub fn close_sending(&mut self) -> Result<()> {
        self.closing = true;
        self.close_session()
    }

    /// Sends as many records as the connection takes.
    fn send_records(&mut self) -> Result<()> {
        while self.session.wants_write() {
            match self.session.write_tls(&mut self.socket) {
                Ok(sent) => self.transferred += sent,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        if std::mem::take(&mut self.closing) {
            self.socket.shutdown(Shutdown::Write)?;
        }
        Ok(())
    }

    /// Receives records. A fatal alert ends the connection like a reset.
    fn receive_records(&mut self) -> Result<()> {
        self.transferred += self.session.read_tls(&mut self.socket)?;
        let Err(error) = self.session.process_new_packets() else { return Ok(()) };
        // The client's last record is an alert with the reason.
        let _ = self.send_records();
        let kind = match error {
            rustls::Error::AlertReceived(_) => ErrorKind::ConnectionReset,
            _ => ErrorKind::InvalidData,
        };
        Err(Error::new(kind, format!("the server does not speak TLS as expected: {error}")))
    }
}

impl Read for TlsStream {
    /// Reads content. The end of the connection without close_notify is [`ErrorKind::UnexpectedEof`].
    fn read(&mut self, content: &mut [u8]) -> Result<usize> {
        loop {
            match self.session.reader().read(content) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                other => return other,
            }
            // What fails here is found by the next write; what the server has said before still counts.
            let _ = self.send_records();
            self.receive_records()?;
        }
    }
}

impl Write for TlsStream {
    /// Takes content when the handshake is complete and no earlier record waits.
    fn write(&mut self, content: &[u8]) -> Result<usize> {
        self.send_records()?;
        if self.is_handshaking() || self.has_unsent() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let taken = self.session.writer().write(content)?;
        self.send_records()?;
        Ok(taken)
    }

    fn flush(&mut self) -> Result<()> {
        self.send_records()
    }
}
