//! Key exchange with fixed private keys. A full handshake then differs from the one before it only by what the server draws,
//! and the client computes no public key.

use std::fmt;

use p256::elliptic_curve::sec1::ToSec1Point;
use rustls::crypto::{ActiveKeyExchange, SharedSecret, SupportedKxGroup};
use rustls::{Error, NamedGroup, PeerMisbehaved};
use x25519_dalek::{PublicKey, StaticSecret};

/// Bytes of both private keys.
const PRIVATE_KEY: [u8; 32] = *b"sockfuzz: a key, not a secret..\x01";

/// Groups in the order of preference: the faster one first.
pub(crate) static GROUPS: [&dyn SupportedKxGroup; 2] = [&X25519, &P256];

/// Group x25519 (RFC 7748, section 5).
#[derive(Debug)]
struct X25519;

impl SupportedKxGroup for X25519 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let public = PublicKey::from(&StaticSecret::from(PRIVATE_KEY)).to_bytes().to_vec();
        Ok(Box::new(Exchange { public, group: NamedGroup::X25519, agree: agree_on_x25519 }))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

/// Group secp256r1 (RFC 8422, section 5.1.1), for servers without the other one.
#[derive(Debug)]
struct P256;

impl SupportedKxGroup for P256 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let public = p256_key()?.public_key().to_sec1_point(false).as_bytes().to_vec();
        Ok(Box::new(Exchange { public, group: NamedGroup::secp256r1, agree: agree_on_p256 }))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::secp256r1
    }
}

/// Exchange that waits for the server's public key.
struct Exchange {
    public: Vec<u8>,
    group: NamedGroup,
    /// Computes the shared secret with the server's public key.
    agree: fn(&[u8]) -> Result<SharedSecret, Error>,
}

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        (self.agree)(peer)
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        self.group
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.group.fmt(f)
    }
}

fn agree_on_x25519(peer: &[u8]) -> Result<SharedSecret, Error> {
    let peer: [u8; 32] = peer.try_into().map_err(|_| invalid_key())?;
    let secret = StaticSecret::from(PRIVATE_KEY).diffie_hellman(&PublicKey::from(peer));
    if !secret.was_contributory() {
        return Err(invalid_key());
    }
    Ok(SharedSecret::from(&secret.as_bytes()[..]))
}

fn agree_on_p256(peer: &[u8]) -> Result<SharedSecret, Error> {
    let peer = p256::PublicKey::from_sec1_bytes(peer).map_err(|_| invalid_key())?;
    let secret = p256::ecdh::diffie_hellman(p256_key()?.to_nonzero_scalar(), peer.as_affine());
    Ok(SharedSecret::from(&secret.raw_secret_bytes()[..]))
}

fn p256_key() -> Result<p256::SecretKey, Error> {
    p256::SecretKey::from_slice(&PRIVATE_KEY).map_err(|_| invalid_key())
}

fn invalid_key() -> Error {
    PeerMisbehaved::InvalidKeyShare.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_gives_the_same_key_every_time() {
        for group in GROUPS {
            let [first, second] = [group.start(), group.start()].map(|exchange| exchange.expect("a key"));
            assert_eq!(first.pub_key(), second.pub_key());
        }
    }

    #[test]
    fn agrees_with_another_implementation() {
        for (group, other) in GROUPS.into_iter().zip(rustls::crypto::ring::ALL_KX_GROUPS) {
            assert_eq!(group.name(), other.name());
            let (ours, theirs) = (group.start().expect("a key"), other.start().expect("a key"));
            let (our_key, their_key) = (ours.pub_key().to_vec(), theirs.pub_key().to_vec());
            let secrets = [ours.complete(&their_key), theirs.complete(&our_key)];
            let [ours, theirs] =
                secrets.map(|secret| secret.expect("both keys are valid").secret_bytes().to_vec());
            assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn an_invalid_key_of_the_server_is_an_error() {
        for group in GROUPS {
            for key in [&[][..], &[0; 32], &[4; 65]] {
                assert!(group.start().expect("a key").complete(key).is_err());
            }
        }
    }
}
