//! ClientHello messages of seeds.

use crate::tls::grammar::extension_type as ext;
use crate::tls::vocabulary::push_vector;

/// Fixed random of all seeds.
const RANDOM: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
/// Base point of Curve25519 (RFC 7748, section 4.1), the public key that belongs to the private key 1.
pub(super) const X25519_POINT: [u8; 32] =
    [9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// Base point of P-256 (SEC 2, section 2.4.2), uncompressed.
pub(super) const P256_POINT: &[u8; 65] = b"\x04\
    \x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc\xe6\xe5\x63\xa4\x40\xf2\x77\x03\x7d\x81\x2d\xeb\x33\xa0\xf4\xa1\x39\x45\xd8\x98\xc2\x96\
    \x4f\xe3\x42\xe2\xfe\x1a\x7f\x9b\x8e\xe7\xeb\x4a\x7c\x0f\x9e\x16\x2b\xce\x33\x57\x6b\x31\x5e\xce\xcb\xb6\x40\x68\x37\xbf\x51\xf5";

/// A ClientHello.
#[derive(Debug, Clone)]
pub(super) struct Hello {
    version: u16,
    session_id: &'static [u8],
    suites: &'static [u16],
    compression: &'static [u8],
    /// Types and data; `None` for a hello that ends before its extensions.
    extensions: Option<Vec<(u16, Vec<u8>)>>,
}

impl Hello {
    /// Hello of a client that speaks TLS 1.2 at most.
    pub(super) fn tls12() -> Self {
        Self {
            version: 0x0303,
            session_id: b"",
            suites: &[0xc02b, 0xc02f, 0xcca8, 0xc013, 0x009c, 0x002f],
            compression: &[0],
            extensions: Some(Vec::new()),
        }
        .with(ext::SERVER_NAME, b"\0\x0c\0\0\x09localhost")
        .with(ext::SUPPORTED_GROUPS, b"\0\x04\0\x1d\0\x17")
        .with(ext::EC_POINT_FORMATS, b"\x01\0")
        .with(ext::SIGNATURE_ALGORITHMS, b"\0\x0a\x04\x03\x08\x04\x04\x01\x02\x01\x02\x03")
        .with(ext::EXTENDED_MASTER_SECRET, b"")
    }

    /// Hello of a client that speaks TLS 1.3 and 1.2.
    pub(super) fn tls13() -> Self {
        Self { session_id: b"SESSION ID OF THE CLIENT, 32 IN.", ..Self::tls12() }
            .suites(&[0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f])
            .with(ext::SUPPORTED_VERSIONS, b"\x04\x03\x04\x03\x03")
            .with(ext::PSK_KEY_EXCHANGE_MODES, b"\x01\x01")
            .key_share(29, &X25519_POINT)
    }

    pub(super) fn version(mut self, version: u16) -> Self {
        self.version = version;
        self
    }

    pub(super) fn session_id(mut self, id: &'static [u8]) -> Self {
        self.session_id = id;
        self
    }

    pub(super) fn suites(mut self, suites: &'static [u16]) -> Self {
        self.suites = suites;
        self
    }

    pub(super) fn compression(mut self, methods: &'static [u8]) -> Self {
        self.compression = methods;
        self
    }

    /// Adds an extension, or replaces one of the same type.
    pub(super) fn with(mut self, kind: u16, data: &[u8]) -> Self {
        let extensions = self.extensions.get_or_insert_default();
        match extensions.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, old)) => *old = data.to_vec(),
            None => extensions.push((kind, data.to_vec())),
        }
        self
    }

    /// Adds an extension, even if there is one of the same type.
    pub(super) fn also(mut self, kind: u16, data: &[u8]) -> Self {
        self.extensions.get_or_insert_default().push((kind, data.to_vec()));
        self
    }

    pub(super) fn key_share(self, group: u16, key: &[u8]) -> Self {
        let mut share = group.to_be_bytes().to_vec();
        push_vector(2, key, &mut share);
        self.with(ext::KEY_SHARE, &vector(2, &share))
    }

    pub(super) fn without_extensions(mut self) -> Self {
        self.extensions = None;
        self
    }

    /// Returns the body of the message.
    pub(super) fn body(&self) -> Vec<u8> {
        let mut body = self.version.to_be_bytes().to_vec();
        body.extend_from_slice(RANDOM);
        push_vector(1, self.session_id, &mut body);
        let suites: Vec<u8> = self.suites.iter().flat_map(|suite| suite.to_be_bytes()).collect();
        push_vector(2, &suites, &mut body);
        push_vector(1, self.compression, &mut body);
        if let Some(extensions) = &self.extensions {
            let mut block = Vec::new();
            for (kind, data) in extensions {
                block.extend_from_slice(&kind.to_be_bytes());
                push_vector(2, data, &mut block);
            }
            push_vector(2, &block, &mut body);
        }
        body
    }
}

/// Returns a vector whose length has `width` bytes.
pub(super) fn vector(width: usize, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(width + content.len());
    push_vector(width, content, &mut bytes);
    bytes
}
