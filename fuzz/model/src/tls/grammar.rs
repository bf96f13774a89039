//! Grammar of what records carry: handshake messages (RFC 8446, section 4; RFC 5246, section 7.4), extensions (RFC 6066 and
//! those named below), alerts.

use super::record::{RecordHeader, content_type};
use super::shape::Member;
use super::shape::Shape::{self, Bytes, List, Rest, Select, Struct, Vector};

/// Returns the shape of what records with this header carry.
pub(super) fn shape_of(header: RecordHeader) -> &'static Shape {
    match header {
        RecordHeader::Ssl2 => &SSL2_HELLO,
        RecordHeader::Tls { content_type, .. } => match content_type {
            content_type::CHANGE_CIPHER_SPEC => &Bytes(1),
            content_type::ALERT => &List(&ALERT),
            content_type::HANDSHAKE => &List(&MESSAGE),
            content_type::HEARTBEAT => &HEARTBEAT,
            _ => &Rest,
        },
    }
}

/// Returns the shape of the items of lists with this name, if mutations add known ones.
pub(super) fn item_shape(name: &str) -> Option<&'static Shape> {
    const ITEMS: &[Member] = &[
        ALERT,
        MESSAGE,
        CIPHER_SUITE,
        COMPRESSION_METHOD,
        EXTENSION,
        NAMED_GROUP,
        SIGNATURE_SCHEME,
        SERVER_NAME,
        POINT_FORMAT,
        PROTOCOL_NAME,
        CERTIFICATE_TYPE,
        CERTIFICATE_COMPRESSION,
        PSK_MODE,
        VERSION,
        KEY_SHARE,
    ];
    ITEMS.iter().find(|member| member.0 == name).map(|member| &member.1)
}

const ALERT: Member =
    Member("alert", Struct(&[Member("alert_level", Bytes(1)), Member("alert_description", Bytes(1))]));

/// Heartbeat message (RFC 6520, section 4).
const HEARTBEAT: Shape = Struct(&[
    Member("heartbeat_type", Bytes(1)),
    Member("payload", Vector(2, &Rest)),
    Member("padding", Rest),
]);

/// ClientHello in the format of SSL 2.0 (RFC 5246, appendix E.2).
const SSL2_HELLO: Shape = Struct(&[
    Member("handshake_type", Bytes(1)),
    Member("version", Bytes(2)),
    Member("cipher_spec_length", Bytes(2)),
    Member("session_id_length", Bytes(2)),
    Member("challenge_length", Bytes(2)),
    Member("opaque", Rest),
]);

const MESSAGE: Member = Member(
    "message",
    Struct(&[Member("handshake_type", Bytes(1)), Member("body", Vector(3, &Select(message_body)))]),
);

/// Types of handshake messages whose bodies have a shape.
pub(super) mod handshake_type {
    pub(in crate::tls) const CLIENT_HELLO: u8 = 1;
    pub(in crate::tls) const SERVER_HELLO: u8 = 2;
    pub(in crate::tls) const NEW_SESSION_TICKET: u8 = 4;
    pub(in crate::tls) const CERTIFICATE: u8 = 11;
    pub(in crate::tls) const CERTIFICATE_REQUEST: u8 = 13;
    pub(in crate::tls) const CERTIFICATE_VERIFY: u8 = 15;
    pub(in crate::tls) const CLIENT_KEY_EXCHANGE: u8 = 16;
    pub(in crate::tls) const FINISHED: u8 = 20;
    pub(in crate::tls) const CERTIFICATE_STATUS: u8 = 22;
}

/// Messages of TLS 1.3 after ServerHello are encrypted, so these are the bodies of TLS 1.2.
fn message_body(kind: u32) -> &'static Shape {
    match u8::try_from(kind).unwrap_or_default() {
        handshake_type::CLIENT_HELLO => &CLIENT_HELLO,
        handshake_type::SERVER_HELLO => &SERVER_HELLO,
        handshake_type::NEW_SESSION_TICKET => &NEW_SESSION_TICKET,
        handshake_type::CERTIFICATE => &CERTIFICATE,
        handshake_type::CERTIFICATE_REQUEST => &CERTIFICATE_REQUEST,
        handshake_type::CERTIFICATE_VERIFY => &CERTIFICATE_VERIFY,
        handshake_type::CLIENT_KEY_EXCHANGE => &CLIENT_KEY_EXCHANGE,
        handshake_type::CERTIFICATE_STATUS => &CERTIFICATE_STATUS,
        _ => &Rest,
    }
}

const CLIENT_HELLO: Shape = Struct(&[
    Member("version", Bytes(2)),
    Member("random", Bytes(32)),
    Member("session_id", Vector(1, &Rest)),
    Member("cipher_suites", Vector(2, &List(&CIPHER_SUITE))),
    Member("compression_methods", Vector(1, &List(&COMPRESSION_METHOD))),
    Member("extensions", Vector(2, &List(&EXTENSION))),
]);

const SERVER_HELLO: Shape = Struct(&[
    Member("version", Bytes(2)),
    Member("random", Bytes(32)),
    Member("session_id", Vector(1, &Rest)),
    Member("cipher_suite", Bytes(2)),
    Member("compression_method", Bytes(1)),
    Member("extensions", Vector(2, &List(&SERVER_EXTENSION))),
]);

const NEW_SESSION_TICKET: Shape =
    Struct(&[Member("ticket_lifetime", Bytes(4)), Member("ticket", Vector(2, &Rest))]);
const CERTIFICATE: Shape = Vector(3, &List(&CERTIFICATE_ENTRY));
const CERTIFICATE_ENTRY: Member = Member("certificate", Vector(3, &Rest));
const CERTIFICATE_REQUEST: Shape = Struct(&[
    Member("certificate_types", Vector(1, &Rest)),
    Member("signature_schemes", Vector(2, &List(&SIGNATURE_SCHEME))),
    Member("authorities", Vector(2, &List(&AUTHORITY))),
]);
const CERTIFICATE_VERIFY: Shape =
    Struct(&[Member("signature_scheme", Bytes(2)), Member("signature", Vector(2, &Rest))]);
/// A point, as in ECDHE; with RSA and DHE, its first byte is the first of a longer length.
const CLIENT_KEY_EXCHANGE: Shape = Vector(1, &Rest);
const CERTIFICATE_STATUS: Shape =
    Struct(&[Member("status_type", Bytes(1)), Member("response", Vector(3, &Rest))]);

const CIPHER_SUITE: Member = Member("cipher_suite", Bytes(2));
const COMPRESSION_METHOD: Member = Member("compression_method", Bytes(1));
const NAMED_GROUP: Member = Member("named_group", Bytes(2));
const SIGNATURE_SCHEME: Member = Member("signature_scheme", Bytes(2));
const AUTHORITY: Member = Member("authority", Vector(2, &Rest));

const EXTENSION: Member = Member(
    "extension",
    Struct(&[Member("extension_type", Bytes(2)), Member("extension_data", Vector(2, &Select(extension)))]),
);
const SERVER_EXTENSION: Member = Member(
    "extension",
    Struct(&[
        Member("extension_type", Bytes(2)),
        Member("extension_data", Vector(2, &Select(server_extension))),
    ]),
);

/// Numbers of extensions (IANA, TLS ExtensionType Values).
pub(super) mod extension_type {
    pub(in crate::tls) const SERVER_NAME: u16 = 0;
    pub(in crate::tls) const MAX_FRAGMENT_LENGTH: u16 = 1;
    pub(in crate::tls) const STATUS_REQUEST: u16 = 5;
    pub(in crate::tls) const SUPPORTED_GROUPS: u16 = 10;
    pub(in crate::tls) const EC_POINT_FORMATS: u16 = 11;
    pub(in crate::tls) const SIGNATURE_ALGORITHMS: u16 = 13;
    pub(in crate::tls) const USE_SRTP: u16 = 14;
    pub(in crate::tls) const HEARTBEAT: u16 = 15;
    pub(in crate::tls) const ALPN: u16 = 16;
    pub(in crate::tls) const SIGNED_CERTIFICATE_TIMESTAMP: u16 = 18;
    pub(in crate::tls) const CLIENT_CERTIFICATE_TYPE: u16 = 19;
    pub(in crate::tls) const SERVER_CERTIFICATE_TYPE: u16 = 20;
    pub(in crate::tls) const PADDING: u16 = 21;
    pub(in crate::tls) const ENCRYPT_THEN_MAC: u16 = 22;
    pub(in crate::tls) const EXTENDED_MASTER_SECRET: u16 = 23;
    pub(in crate::tls) const COMPRESS_CERTIFICATE: u16 = 27;
    pub(in crate::tls) const RECORD_SIZE_LIMIT: u16 = 28;
    pub(in crate::tls) const SESSION_TICKET: u16 = 35;
    pub(in crate::tls) const PRE_SHARED_KEY: u16 = 41;
    pub(in crate::tls) const EARLY_DATA: u16 = 42;
    pub(in crate::tls) const SUPPORTED_VERSIONS: u16 = 43;
    pub(in crate::tls) const COOKIE: u16 = 44;
    pub(in crate::tls) const PSK_KEY_EXCHANGE_MODES: u16 = 45;
    pub(in crate::tls) const CERTIFICATE_AUTHORITIES: u16 = 47;
    pub(in crate::tls) const POST_HANDSHAKE_AUTH: u16 = 49;
    pub(in crate::tls) const SIGNATURE_ALGORITHMS_CERT: u16 = 50;
    pub(in crate::tls) const KEY_SHARE: u16 = 51;
    pub(in crate::tls) const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
    pub(in crate::tls) const RENEGOTIATION_INFO: u16 = 0xff01;
}

/// Returns the shape of an extension of a client.
pub(super) fn extension(kind: u32) -> &'static Shape {
    match u16::try_from(kind).unwrap_or(u16::MAX) {
        extension_type::SERVER_NAME => &Vector(2, &List(&SERVER_NAME)),
        extension_type::MAX_FRAGMENT_LENGTH => &Struct(&[MAX_FRAGMENT_LENGTH]),
        extension_type::STATUS_REQUEST => &STATUS_REQUEST,
        extension_type::SUPPORTED_GROUPS => &Vector(2, &List(&NAMED_GROUP)),
        extension_type::EC_POINT_FORMATS => &Vector(1, &List(&POINT_FORMAT)),
        extension_type::SIGNATURE_ALGORITHMS | extension_type::SIGNATURE_ALGORITHMS_CERT => {
            &Vector(2, &List(&SIGNATURE_SCHEME))
        }
        extension_type::USE_SRTP => &USE_SRTP,
        extension_type::HEARTBEAT => &Struct(&[HEARTBEAT_MODE]),
        extension_type::ALPN => &Vector(2, &List(&PROTOCOL_NAME)),
        extension_type::CLIENT_CERTIFICATE_TYPE | extension_type::SERVER_CERTIFICATE_TYPE => {
            &Vector(1, &List(&CERTIFICATE_TYPE))
        }
        extension_type::COMPRESS_CERTIFICATE => &Vector(1, &List(&CERTIFICATE_COMPRESSION)),
        extension_type::RECORD_SIZE_LIMIT => &Struct(&[RECORD_SIZE_LIMIT]),
        extension_type::PRE_SHARED_KEY => &PRE_SHARED_KEY,
        extension_type::SUPPORTED_VERSIONS => &Vector(1, &List(&VERSION)),
        extension_type::COOKIE => &Vector(2, &Rest),
        extension_type::PSK_KEY_EXCHANGE_MODES => &Vector(1, &List(&PSK_MODE)),
        extension_type::CERTIFICATE_AUTHORITIES => &Vector(2, &List(&AUTHORITY)),
        extension_type::KEY_SHARE => &Vector(2, &List(&KEY_SHARE)),
        extension_type::RENEGOTIATION_INFO => &Vector(1, &Rest),
        _ => &Rest,
    }
}

/// Returns the shape of an extension of a server, where it differs from that of a client.
fn server_extension(kind: u32) -> &'static Shape {
    match u16::try_from(kind).unwrap_or(u16::MAX) {
        extension_type::SUPPORTED_VERSIONS => &Struct(&[VERSION]),
        // In a HelloRetryRequest, the group stands alone.
        extension_type::KEY_SHARE => {
            &Struct(&[Member("named_group", Bytes(2)), Member("key_exchange", Vector(2, &Rest))])
        }
        extension_type::PRE_SHARED_KEY => &Rest,
        _ => extension(kind),
    }
}

const SERVER_NAME: Member =
    Member("server_name", Struct(&[Member("name_type", Bytes(1)), Member("host_name", Vector(2, &Rest))]));
const STATUS_REQUEST: Shape = Struct(&[
    Member("status_type", Bytes(1)),
    Member("responder_ids", Vector(2, &List(&Member("responder_id", Vector(2, &Rest))))),
    Member("request_extensions", Vector(2, &Rest)),
]);
/// RFC 5764, section 4.1.1.
const USE_SRTP: Shape = Struct(&[
    Member("profiles", Vector(2, &List(&Member("srtp_profile", Bytes(2))))),
    Member("key_identifier", Vector(1, &Rest)),
]);
const PRE_SHARED_KEY: Shape = Struct(&[
    Member("identities", Vector(2, &List(&PSK_IDENTITY))),
    Member("binders", Vector(2, &List(&Member("binder", Vector(1, &Rest))))),
]);
const PSK_IDENTITY: Member = Member(
    "psk_identity",
    Struct(&[Member("identity", Vector(2, &Rest)), Member("obfuscated_ticket_age", Bytes(4))]),
);
const KEY_SHARE: Member =
    Member("key_share", Struct(&[Member("named_group", Bytes(2)), Member("key_exchange", Vector(2, &Rest))]));
const POINT_FORMAT: Member = Member("point_format", Bytes(1));
const PROTOCOL_NAME: Member = Member("protocol_name", Vector(1, &Rest));
const CERTIFICATE_TYPE: Member = Member("certificate_type", Bytes(1));
const CERTIFICATE_COMPRESSION: Member = Member("certificate_compression", Bytes(2));
const PSK_MODE: Member = Member("psk_mode", Bytes(1));
const VERSION: Member = Member("version", Bytes(2));
const MAX_FRAGMENT_LENGTH: Member = Member("max_fragment_length", Bytes(1));
const HEARTBEAT_MODE: Member = Member("heartbeat_mode", Bytes(1));
const RECORD_SIZE_LIMIT: Member = Member("record_size_limit", Bytes(2));
