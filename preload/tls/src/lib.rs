//! TLS client without a socket: it turns plaintext into records and records into plaintext, as the same bytes in every run.
//!
//! A fuzzer compares runs of a server, so a client must not differ between them: its random values and its keys are fixed, and its
//! clock stands still. Nothing that it says is a secret, and it accepts any certificate: the server under test is the only
//! one that it ever speaks to.
//!
//! The client runs inside the server's process. It starts no thread, has no constructor, and makes no system call.
//!
//! ```
//! use sockfuzz_tls::{Connector, Protocol, Settings};
//!
//! let connector = Connector::new(&Settings::new("localhost")).expect("the settings are valid");
//! let mut client = connector.connect(Protocol::Http1);
//! assert!(client.is_handshaking());
//! // A record of type handshake (22), of which a socket takes what it can.
//! assert_eq!(client.unsent()[0], 22);
//! ```

mod client;
mod connector;
mod hello;
mod identity;
mod key_exchange;
mod provider;
mod sessions;

pub use client::{Handshake, TlsClient, TlsEnd};
pub use connector::{Connector, Protocol, Settings, Versions};
pub use hello::{Reply, first_reply};
pub use identity::{Identity, IdentityError};
pub use provider::AnyCertificate;
pub use rustls::KeyLog;

#[cfg(test)]
mod tests;
