//! Seeds of `corpus/tls`: what clients send, record by record.
//!
//! Only what comes before the keys is valid: what follows would have to be encrypted with keys that depend on the server.

mod builder;
mod hello;

use self::builder::{StreamBuilder, message};
use self::hello::{Hello, P256_POINT, X25519_POINT, vector};
use super::content_type::{APPLICATION_DATA, HANDSHAKE, HEARTBEAT};
use super::grammar::extension_type as ext;
use super::grammar::handshake_type::{
    CERTIFICATE, CERTIFICATE_VERIFY, CLIENT_HELLO, CLIENT_KEY_EXCHANGE, FINISHED,
};

/// Certificate of a client, whose key was thrown away:
/// `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj /CN=c -days 36500 -outform DER`,
/// with a configuration without extensions.
const CLIENT_CERTIFICATE: &[u8] = include_bytes!("seeds/client-certificate.der");
/// Distinguished name of one attribute, CN=c.
const NAME: &[u8] = b"\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01c";
/// A signature in the form of ECDSA: two numbers of 32 bytes.
const SIGNATURE: &[u8; 70] =
    b"\x30\x44\x02\x2001234567890123456789012345678901\x02\x2001234567890123456789012345678901";
/// Identity of a session that no server knows, as long as OpenSSL's tickets without their state.
const TICKET: &[u8; 48] = b"name of the key.initial vector..state, encrypted";

/// Function that adds a seed's records.
type StreamScript = fn(&mut StreamBuilder) -> &mut StreamBuilder;

/// Returns the name and the bytes of each seed.
#[must_use]
pub fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let seed = |&(name, script): &(&'static str, StreamScript)| {
        let mut builder = StreamBuilder::default();
        (name, script(&mut builder).bytes())
    };
    let plain: [(&str, &[u8]); 2] = [
        ("plain-http", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ("plain-http2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"),
    ];
    let plain = plain.map(|(name, bytes)| (name, bytes.to_vec()));
    SCRIPTS.iter().map(seed).chain(plain).collect()
}

/// Returns pre-shared keys with one identity and one binder.
fn pre_shared_key(identity: &[u8]) -> Vec<u8> {
    let identity = [&vector(2, identity)[..], &[0; 4]].concat();
    [vector(2, &identity), vector(2, &vector(1, &[b'b'; 32]))].concat()
}

const SCRIPTS: &[(&str, StreamScript)] = &[
    ("alert-close", |c| c.alert(1, 0)),
    ("alert-in-handshake", |c| c.hello(&Hello::tls12()).alert(2, 42)),
    ("alert-split", |c| c.hello(&Hello::tls12()).alert(1, 90).in_pieces(1)),
    ("alert-warnings", |c| c.alert(1, 90).alert(1, 100).alert(1, 90).hello(&Hello::tls12())),
    ("certificate-client", |c| {
        c.hello(&Hello::tls12())
            .message(CERTIFICATE, &vector(3, &vector(3, CLIENT_CERTIFICATE)))
            .message(CLIENT_KEY_EXCHANGE, &vector(1, &X25519_POINT))
            .message(CERTIFICATE_VERIFY, &[&[4, 3][..], &vector(2, SIGNATURE)].concat())
            .finish()
    }),
    ("certificate-empty", |c| {
        c.hello(&Hello::tls12())
            .message(CERTIFICATE, b"\0\0\0")
            .message(CLIENT_KEY_EXCHANGE, &vector(1, &X25519_POINT))
            .finish()
    }),
    ("certificate-unasked", |c| c.message(CERTIFICATE, &vector(3, &vector(3, CLIENT_CERTIFICATE)))),
    ("change-cipher-early", |c| c.change_cipher().hello(&Hello::tls13())),
    ("data-early", |c| c.record(APPLICATION_DATA, *b"GET / HTTP/1.1\r\n\r\n").hello(&Hello::tls12())),
    ("extension-alpn", |c| c.hello(&Hello::tls12().with(ext::ALPN, b"\0\x0c\x02h2\x08http/1.1"))),
    ("extension-alpn-unknown", |c| c.hello(&Hello::tls13().with(ext::ALPN, b"\0\x09\x08unheard!"))),
    ("extension-certificates", |c| {
        c.hello(
            &Hello::tls13()
                .with(ext::COMPRESS_CERTIFICATE, b"\x06\0\x01\0\x02\0\x03")
                .with(ext::SIGNATURE_ALGORITHMS_CERT, b"\0\x04\x04\x03\x08\x04")
                .with(ext::CERTIFICATE_AUTHORITIES, &vector(2, &vector(2, NAME)))
                .with(ext::SERVER_CERTIFICATE_TYPE, b"\x02\x02\0")
                .with(ext::POST_HANDSHAKE_AUTH, b""),
        )
    }),
    ("extension-fragment-length", |c| c.hello(&Hello::tls12().with(ext::MAX_FRAGMENT_LENGTH, b"\x01"))),
    ("extension-heartbeat", |c| {
        c.hello(&Hello::tls12().with(ext::HEARTBEAT, b"\x01"))
            .record(HEARTBEAT, *b"\x01\0\x04ping0123456789abcdef")
    }),
    ("extension-name-twice", |c| {
        c.hello(&Hello::tls12().with(ext::SERVER_NAME, b"\0\x0c\0\0\x01a\0\0\x01b\0\0\x01c"))
    }),
    ("extension-name-unknown", |c| {
        c.hello(&Hello::tls13().with(ext::SERVER_NAME, b"\0\x11\0\0\x0eno.example.com"))
    }),
    ("extension-padding", |c| c.hello(&Hello::tls12().with(ext::PADDING, &[0; 64]))),
    ("extension-record-limit", |c| c.hello(&Hello::tls13().with(ext::RECORD_SIZE_LIMIT, b"\0\x40"))),
    ("extension-renegotiation", |c| c.hello(&Hello::tls12().with(ext::RENEGOTIATION_INFO, b"\0"))),
    ("extension-status", |c| {
        c.hello(
            &Hello::tls12()
                .with(ext::STATUS_REQUEST, b"\x01\0\0\0\0")
                .with(ext::SIGNED_CERTIFICATE_TIMESTAMP, b""),
        )
    }),
    ("extension-twice", |c| c.hello(&Hello::tls12().also(ext::SUPPORTED_GROUPS, b"\0\x02\0\x17"))),
    ("extension-unknown", |c| {
        c.hello(&Hello::tls13().with(0x0a0a, b"\0").with(0x3374, b"").with(0xfe0d, b"\x01"))
    }),
    ("hello-compression", |c| c.hello(&Hello::tls12().compression(&[1, 64, 0]))),
    ("hello-encrypt-then-mac", |c| {
        c.hello(&Hello::tls12().suites(&[0xc013, 0x002f, 0x000a]).with(ext::ENCRYPT_THEN_MAC, b""))
    }),
    ("hello-fallback", |c| {
        c.hello(&Hello::tls12().version(0x0302).suites(&[0xc013, 0x002f, 0x00ff, 0x5600]))
    }),
    ("hello-old-suites", |c| c.hello(&Hello::tls12().suites(&[0x0005, 0x0003, 0x0034, 0x0000, 0x00a8]))),
    ("hello-session-id", |c| c.hello(&Hello::tls12().session_id(b"session that is to be resumed..."))),
    ("hello-ssl2", |c| {
        c.ssl2(b"\x01\x03\x03\0\x0c\0\0\0\x10\0\0\x2f\0\xc0\x2f\0\0\xff\x01\0\x800123456789abcdef")
    }),
    ("hello-ssl3", |c| {
        c.hello(&Hello::tls12().version(0x0300).suites(&[0x002f, 0x000a]).without_extensions())
            .version(0x0300)
    }),
    ("hello-ticket", |c| c.hello(&Hello::tls12().session_id(b"\x01").with(ext::SESSION_TICKET, TICKET))),
    ("hello-ticket-empty", |c| c.hello(&Hello::tls12().with(ext::SESSION_TICKET, b""))),
    ("hello-tls10", |c| c.hello(&Hello::tls12().version(0x0301).suites(&[0xc013, 0x002f]))),
    ("hello-tls12", |c| c.hello(&Hello::tls12())),
    ("hello-tls13", |c| c.hello(&Hello::tls13())),
    ("hello-tls13-only", |c| {
        let versions = Hello::tls13().session_id(b"").with(ext::SUPPORTED_VERSIONS, b"\x02\x03\x04");
        c.hello(&versions.suites(&[0x1303]).key_share(23, P256_POINT))
    }),
    ("hello-without-extensions", |c| c.hello(&Hello::tls12().without_extensions())),
    ("key-exchange-early", |c| c.message(CLIENT_KEY_EXCHANGE, &vector(1, &X25519_POINT)).finish()),
    ("key-exchange-ecdhe", |c| {
        let hello = Hello::tls12().with(ext::SUPPORTED_GROUPS, b"\0\x02\0\x17");
        c.hello(&hello).message(CLIENT_KEY_EXCHANGE, &vector(1, P256_POINT)).finish()
    }),
    ("key-exchange-rsa", |c| {
        c.hello(&Hello::tls12().suites(&[0x009c, 0x002f]))
            .message(CLIENT_KEY_EXCHANGE, &vector(2, &[b'k'; 256]))
            .finish()
    }),
    ("key-exchange-x25519", |c| {
        c.hello(&Hello::tls12()).message(CLIENT_KEY_EXCHANGE, &vector(1, &X25519_POINT)).finish()
    }),
    ("message-finished-plain", |c| c.hello(&Hello::tls12()).message(FINISHED, &[0; 12])),
    ("message-hello-request", |c| c.message(0, b"").hello(&Hello::tls12())),
    ("message-key-update", |c| c.hello(&Hello::tls13()).message(24, b"\x01")),
    ("message-length-long", |c| c.record(HANDSHAKE, *b"\x01\xff\xff\xff\x03\x03")),
    ("message-next-protocol", |c| {
        c.hello(&Hello::tls12().with(0x3374, b"")).change_cipher().message(67, b"\x08http/1.1\x02\0\0")
    }),
    ("psk", |c| c.hello(&Hello::tls13().with(ext::PRE_SHARED_KEY, &pre_shared_key(TICKET)))),
    ("psk-early-data", |c| {
        let hello =
            Hello::tls13().with(ext::EARLY_DATA, b"").with(ext::PRE_SHARED_KEY, &pre_shared_key(TICKET));
        c.hello(&hello).change_cipher().record(APPLICATION_DATA, *b"encrypted request..............")
    }),
    ("psk-not-last", |c| {
        c.hello(&Hello::tls13().with(ext::PRE_SHARED_KEY, &pre_shared_key(b"a")).with(ext::PADDING, &[0; 4]))
    }),
    ("record-empty", |c| c.record(HANDSHAKE, []).hello(&Hello::tls12())),
    ("record-joined", |c| {
        c.hello(&Hello::tls12()).message(CLIENT_KEY_EXCHANGE, &vector(1, &X25519_POINT)).joined()
    }),
    ("record-length-long", |c| c.hello(&Hello::tls12()).declared(0x4801)),
    ("record-length-short", |c| c.hello(&Hello::tls12()).declared(100)),
    ("record-mixed", |c| {
        let hello = message(CLIENT_HELLO, &Hello::tls12().body());
        c.record(HANDSHAKE, &hello[..40]).alert(1, 90).record(HANDSHAKE, &hello[40..])
    }),
    ("record-pieces", |c| c.hello(&Hello::tls13()).in_pieces(32)),
    ("record-single-bytes", |c| c.hello(&Hello::tls12().without_extensions().suites(&[0x002f])).in_pieces(3)),
    ("record-version-odd", |c| c.hello(&Hello::tls12()).version(0x03ff)),
    ("renegotiate", |c| c.hello(&Hello::tls12()).hello(&Hello::tls12().session_id(b"again"))),
    ("retry", |c| {
        let groups = Hello::tls13().with(ext::SUPPORTED_GROUPS, b"\0\x06\x0a\x0a\0\x1d\0\x17");
        c.hello(&groups.key_share(0x0a0a, b"\0"))
    }),
    ("retry-answered", |c| {
        c.hello(&Hello::tls13().with(ext::KEY_SHARE, b"\0\0")).change_cipher().hello(&Hello::tls13())
    }),
    ("retry-cookie", |c| {
        let cookie = Hello::tls13().with(ext::COOKIE, b"\0\x08made up!");
        c.hello(&Hello::tls13().with(ext::KEY_SHARE, b"\0\0")).hello(&cookie)
    }),
    ("tls13-finished", |c| {
        c.hello(&Hello::tls13())
            .change_cipher()
            .record(APPLICATION_DATA, [b'f'; 53])
            .record(APPLICATION_DATA, [b'd'; 40])
    }),
];
