//! Cryptography of the client: ring's, with fixed random values and key exchange, and no verification.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, GetRandomFailed, SecureRandom, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{CipherSuite, DigitallySignedStruct, Error, SignatureScheme};

use crate::key_exchange;

/// Returns the provider.
pub(crate) fn provider() -> CryptoProvider {
    let mut provider = CryptoProvider {
        kx_groups: key_exchange::GROUPS.to_vec(),
        secure_random: &FixedRandom,
        ..ring::default_provider()
    };
    provider.cipher_suites.sort_by_key(|suite| !FASTEST.contains(&suite.suite()));
    provider
}

/// Cipher suites whose hash and block cipher processors have instructions for. The client asks for them first.
const FASTEST: [CipherSuite; 3] = [
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS13_AES_128_GCM_SHA256,
];

/// Random values: always the same.
#[derive(Debug)]
struct FixedRandom;

impl SecureRandom for FixedRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), GetRandomFailed> {
        // Different bytes, so that a server that looks for a repetition finds none.
        buffer.iter_mut().zip(0u8..=u8::MAX).for_each(|(place, number)| *place = number.wrapping_mul(167));
        Ok(())
    }
}

/// Clock that stands still, so that the age of a ticket is the same in every run (RFC 8446, section 4.2.11).
#[derive(Debug)]
pub(crate) struct StandingClock;

impl TimeProvider for StandingClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_700_000_000)))
    }
}

/// Verifier that accepts every certificate and every signature: a client that fuzzes has started the server itself.
#[derive(Debug)]
pub struct AnyCertificate;

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
