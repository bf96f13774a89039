//! Certificate of the client, for servers that ask for one.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::ring::sign;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

/// Certificate and private key of the client.
#[derive(Debug, Clone)]
pub struct Identity(Arc<CertifiedKey>);

/// Fault of a PEM text that should hold a certificate and its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityError {
    /// It holds no certificate.
    NoCertificate,
    /// It holds no private key.
    NoKey,
    /// The key is of a kind that the client does not know.
    UnknownKey,
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCertificate => "it holds no certificate (-----BEGIN CERTIFICATE-----)",
            Self::NoKey => "it holds no private key without a password (-----BEGIN PRIVATE KEY-----)",
            Self::UnknownKey => "its private key is neither RSA, ECDSA (P-256, P-384) nor Ed25519",
        })
    }
}

impl std::error::Error for IdentityError {}

impl Identity {
    /// Reads certificates, the client's own first, and its private key from one PEM text (RFC 7468).
    ///
    /// # Errors
    /// Returns what the text lacks.
    pub fn from_pem(text: &[u8]) -> Result<Self, IdentityError> {
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(text).filter_map(Result::ok).collect();
        if certificates.is_empty() {
            return Err(IdentityError::NoCertificate);
        }
        let key = PrivateKeyDer::from_pem_slice(text).map_err(|_| IdentityError::NoKey)?;
        let key = sign::any_supported_type(&key).map_err(|_| IdentityError::UnknownKey)?;
        Ok(Self(Arc::new(CertifiedKey::new(certificates, key))))
    }

    /// Returns what gives the certificate to a server that asks.
    #[must_use]
    pub fn resolver(&self) -> Arc<SingleCertAndKey> {
        Arc::new(SingleCertAndKey::from(Arc::clone(&self.0)))
    }
}
