//! Settings that all connections of a client share.

use std::fmt;
use std::sync::Arc;

use rustls::client::{ClientConfig, ClientConnection, Resumption, Tls12Resumption};
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{Error, KeyLog, SupportedProtocolVersion};

use crate::client::TlsClient;
use crate::identity::Identity;
use crate::provider::{AnyCertificate, StandingClock, provider};
use crate::sessions::SessionStore;

/// Protocol that the client offers to speak above TLS (RFC 7301).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `http/1.1`.
    Http1,
    /// `h2`.
    Http2,
}

impl Protocol {
    /// Returns the protocol of a client that sends these bytes first (RFC 9113, section 3.4).
    #[must_use]
    pub fn of(first: &[u8]) -> Self {
        if first.starts_with(b"PRI * HTTP/2") { Self::Http2 } else { Self::Http1 }
    }

    fn name(self) -> &'static [u8] {
        match self {
            Self::Http1 => b"http/1.1",
            Self::Http2 => b"h2",
        }
    }
}

/// Versions of TLS that the client offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versions {
    /// TLS 1.2 only. To resume a session of it takes no key exchange, so it is the fastest.
    Tls12,
    /// TLS 1.3 only.
    Tls13,
}

impl Versions {
    /// All of them, in the order in which to try a server.
    pub const ALL: [Self; 2] = [Self::Tls12, Self::Tls13];

    fn offered(self) -> &'static SupportedProtocolVersion {
        match self {
            Self::Tls12 => &TLS12,
            Self::Tls13 => &TLS13,
        }
    }
}

/// What the user decides about the client.
#[derive(Clone)]
pub struct Settings {
    /// Name of the server that the client asks for (RFC 6066, section 3); an IP address is not sent.
    pub server_name: String,
    /// Certificate of the client, for a server that asks for one.
    pub identity: Option<Identity>,
    /// Receiver of the secrets of each connection, in the form that Wireshark reads.
    pub key_log: Option<Arc<dyn KeyLog>>,
}

impl Settings {
    /// Settings with this name of the server, and nothing else.
    #[must_use]
    pub fn new(server_name: &str) -> Self {
        Self { server_name: server_name.to_owned(), identity: None, key_log: None }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("server_name", &self.server_name)
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

/// Source of connections, which share sessions.
#[derive(Debug)]
pub struct Connector {
    server_name: ServerName<'static>,
    /// Configurations for the elements of [`Versions::ALL`].
    configs: [Arc<ClientConfig>; Versions::ALL.len()],
    sessions: Arc<SessionStore>,
    versions: Versions,
}

impl Connector {
    /// Returns a connector that offers the first of [`Versions::ALL`].
    ///
    /// # Errors
    /// The name of the server is neither a DNS name nor an IP address, or the cryptography lacks a version.
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        let server_name = ServerName::try_from(settings.server_name.clone())
            .map_err(|_| Error::General(format!("{:?} is not a name of a server", settings.server_name)))?;
        let sessions = Arc::new(SessionStore::default());
        // A session is resumed only with the same verifier and certificate.
        let (verifier, provider) = (Arc::new(AnyCertificate), Arc::new(provider()));
        let identity = settings.identity.as_ref().map(Identity::resolver);
        let config = |versions: Versions| {
            let builder = ClientConfig::builder_with_details(Arc::clone(&provider), Arc::new(StandingClock))
                .with_protocol_versions(&[versions.offered()])?
                .dangerous()
                .with_custom_certificate_verifier(verifier.clone());
            let mut config = match &identity {
                Some(identity) => builder.with_client_cert_resolver(identity.clone()),
                None => builder.with_no_client_auth(),
            };
            config.resumption =
                Resumption::store(sessions.clone()).tls12_resumption(Tls12Resumption::SessionIdOrTickets);
            if let Some(log) = &settings.key_log {
                config.key_log = Arc::clone(log);
            }
            Ok::<_, Error>(Arc::new(config))
        };
        let [tls12, tls13] = Versions::ALL.map(config);
        Ok(Self {
            server_name,
            configs: [tls12?, tls13?],
            sessions: Arc::clone(&sessions),
            versions: Versions::ALL[0],
        })
    }

    /// Chooses the versions that connections offer from now on.
    pub fn offer(&mut self, versions: Versions) {
        self.versions = versions;
    }

    /// Returns the versions that connections offer.
    #[must_use]
    pub fn versions(&self) -> Versions {
        self.versions
    }

    /// Keeps the sessions that there are now: all later connections resume the same one, or none.
    pub fn freeze_sessions(&self) {
        self.sessions.freeze();
    }

    /// Whether later connections have a session to resume.
    #[must_use]
    pub fn has_session(&self) -> bool {
        self.sessions.has_session()
    }

    /// Begins a connection. Its first record waits in [`TlsClient::unsent`].
    ///
    /// # Panics
    /// Never in practice: the settings were checked, and fixed random values do not run out.
    #[must_use]
    pub fn connect(&self, protocol: Protocol) -> TlsClient {
        let config = Versions::ALL
            .iter()
            .position(|versions| *versions == self.versions)
            .map(|index| Arc::clone(&self.configs[index]))
            .expect("each of the versions has a configuration");
        let offered = vec![protocol.name().to_vec()];
        let connection = ClientConnection::new_with_alpn(config, self.server_name.clone(), offered)
            .expect("the configuration is valid");
        TlsClient::new(connection)
    }
}
