//! Known numbers with their names, and known texts, extensions, messages and records.

mod numbers;

use super::element::Element;
use super::grammar::{self, extension_type as ext, handshake_type};
use super::record::content_type;
use crate::random::Random;
use numbers::{NUMBERS, Numbers};

/// Versions of records and messages: known ones, a reserved one (RFC 8701), and those that do not exist.
pub const VERSIONS: &[u32] = &[
    0x0304, 0x0303, 0x0302, 0x0301, 0x0300, 0x0002, 0x0200, 0x0305, 0x7f1c, 0xfefd, 0xfeff, 0x0a0a, 0, 0xffff,
];

/// Texts that servers treat specially, by the element's name.
const TEXTS: &[(&str, &[&str])] = &[
    ("protocol_name", &["http/1.1", "h2", "http/1.0", "h2c", "h3", "acme-tls/1", "spdy/3", "postgresql", ""]),
    (
        "host_name",
        &[
            "localhost",
            "a.example.com",
            "redirect.example.com",
            "example.com.",
            "*.example.com",
            "127.0.0.1",
            "::1",
            "xn--a",
            "a..b",
            ".",
            "LOCALHOST",
            "a\0b",
            "",
        ],
    ),
];

/// Records that are inserted: content type and fragment.
pub(super) const RECORDS: &[(u8, &[u8])] = &[
    (content_type::CHANGE_CIPHER_SPEC, b"\x01"),
    (content_type::ALERT, b"\x01\x00"),
    (content_type::ALERT, b"\x02\x28"),
    (content_type::ALERT, b"\x01\x5a"),
    (content_type::HANDSHAKE, b""),
    (content_type::HANDSHAKE, b"\x00\x00\x00\x00"),
    (content_type::HANDSHAKE, b"\x18\x00\x00\x01\x01"),
    (content_type::HANDSHAKE, b"\x14\x00\x00\x0c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
    (content_type::APPLICATION_DATA, b""),
    (content_type::APPLICATION_DATA, b"GET / HTTP/1.0\r\n\r\n"),
    (content_type::APPLICATION_DATA, b"\0\0\0\0\0\0\0\x01sixteen bytes...sixteen bytes..."),
    (content_type::HEARTBEAT, b"\x01\x00\x04ping0123456789abcdef"),
    (content_type::HEARTBEAT, b"\x01\xff\xffa"),
];

/// Handshake messages that are inserted: type and body.
const MESSAGES: &[(u8, &[u8])] = &[
    (0, b""),
    (handshake_type::CERTIFICATE, b"\0\0\0"),
    (
        handshake_type::CLIENT_KEY_EXCHANGE,
        b"\x20\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    ),
    (handshake_type::CERTIFICATE_VERIFY, b"\x04\x03\0\x08\x30\x06\x02\x01\x01\x02\x01\x01"),
    (handshake_type::FINISHED, b"\0\0\0\0\0\0\0\0\0\0\0\0"),
    (handshake_type::CERTIFICATE_STATUS, b"\x01\0\0\0"),
    (5, b""),
    (24, b"\x01"),
    (67, b"\x08http/1.1\x16\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
];

/// Extensions that are inserted: type and data.
pub(super) const EXTENSIONS: &[(u16, &[u8])] = &[
    (ext::SERVER_NAME, b"\0\x0c\0\0\x09localhost"),
    (ext::SERVER_NAME, b""),
    (ext::MAX_FRAGMENT_LENGTH, b"\x01"),
    (ext::STATUS_REQUEST, b"\x01\0\0\0\0"),
    (ext::SUPPORTED_GROUPS, b"\0\x08\0\x1d\0\x17\0\x18\x01\0"),
    (ext::EC_POINT_FORMATS, b"\x03\0\x01\x02"),
    (ext::SIGNATURE_ALGORITHMS, b"\0\x0c\x04\x03\x08\x04\x04\x01\x08\x07\x02\x01\x02\x03"),
    (ext::USE_SRTP, b"\0\x04\0\x01\0\x02\0"),
    (ext::HEARTBEAT, b"\x01"),
    (ext::ALPN, b"\0\x0c\x02h2\x08http/1.1"),
    (ext::SIGNED_CERTIFICATE_TIMESTAMP, b""),
    (ext::CLIENT_CERTIFICATE_TYPE, b"\x01\x02"),
    (ext::SERVER_CERTIFICATE_TYPE, b"\x02\x02\0"),
    (ext::PADDING, b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
    (ext::ENCRYPT_THEN_MAC, b""),
    (ext::EXTENDED_MASTER_SECRET, b""),
    (ext::COMPRESS_CERTIFICATE, b"\x04\0\x01\0\x02"),
    (ext::RECORD_SIZE_LIMIT, b"\x02\0"),
    (ext::SESSION_TICKET, b""),
    (ext::SESSION_TICKET, b"0123456789abcdef0123456789abcdef0123456789abcdef"),
    (ext::EARLY_DATA, b""),
    (ext::SUPPORTED_VERSIONS, b"\x06\x03\x04\x03\x03\x03\x01"),
    (ext::COOKIE, b"\0\x06cookie"),
    (ext::PSK_KEY_EXCHANGE_MODES, b"\x02\x01\0"),
    (ext::CERTIFICATE_AUTHORITIES, b"\0\x02\0\0"),
    (ext::POST_HANDSHAKE_AUTH, b""),
    (ext::SIGNATURE_ALGORITHMS_CERT, b"\0\x04\x04\x03\x08\x04"),
    (ext::KEY_SHARE, b"\0\0"),
    (
        ext::KEY_SHARE,
        b"\0\x26\0\x1d\0\x20\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    ),
    (ext::PRE_SHARED_KEY, b"\0\x0a\0\x04psk0\0\0\0\0\0\x21\x20................................"),
    (ext::ENCRYPTED_CLIENT_HELLO, b"\0\0\x01\0\x01\x01\0\x04encr\0\x04data"),
    (ext::RENEGOTIATION_INFO, b"\0"),
    (0x3374, b""),
    (0x0a0a, b""),
];

/// Returns a known value for an element of this name and width; `None` if there is none.
pub(super) fn value(element: &str, width: usize, random: &mut impl Random) -> Option<Vec<u8>> {
    if let Some(numbers) = NUMBERS.iter().find(|numbers| numbers.element == element) {
        return (numbers.width == width).then(|| random_number(numbers, random));
    }
    let (_, texts) = TEXTS.iter().find(|(name, _)| *name == element)?;
    Some(random.pick(texts).as_bytes().to_vec())
}

fn random_number(numbers: &Numbers, random: &mut impl Random) -> Vec<u8> {
    let (number, _) = random.pick(numbers.known);
    number.to_be_bytes()[size_of::<u32>() - numbers.width..].to_vec()
}

/// Returns a known item for a list with this name; `None` if there is none.
pub(super) fn new_item(list: &'static str, random: &mut impl Random) -> Option<Element<'static>> {
    let shape = grammar::item_shape(list)?;
    let mut bytes = Vec::new();
    match list {
        "extension" => {
            let (kind, data) = *random.pick(EXTENSIONS);
            bytes.extend_from_slice(&kind.to_be_bytes());
            push_vector(2, data, &mut bytes);
        }
        "message" => {
            let (kind, body) = *random.pick(MESSAGES);
            bytes.push(kind);
            push_vector(3, body, &mut bytes);
        }
        "alert" => bytes.extend_from_slice(&[1 + random.below(2) as u8, random.byte()]),
        "protocol_name" => push_vector(1, &value(list, 0, random)?, &mut bytes),
        "server_name" => {
            bytes.push(0);
            push_vector(2, &value("host_name", 0, random)?, &mut bytes);
        }
        "key_share" => {
            let (group, length) =
                *random.pick(&[(29_u16, 32), (23, 65), (24, 97), (25, 133), (30, 56), (256, 256), (29, 0)]);
            bytes.extend_from_slice(&group.to_be_bytes());
            push_vector(2, &vec![4; length], &mut bytes);
        }
        _ => bytes = random_number(NUMBERS.iter().find(|numbers| numbers.element == list)?, random),
    }
    Some(shape.parse_all(list, &bytes).into_owned())
}

/// Appends a vector whose length has `width` bytes.
pub(super) fn push_vector(width: usize, content: &[u8], bytes: &mut Vec<u8>) {
    let length = (content.len() as u32).to_be_bytes();
    bytes.extend_from_slice(&length[size_of::<u32>() - width..]);
    bytes.extend_from_slice(content);
}

/// Whether elements of this name are numbers with names.
pub(super) fn is_number(element: &str) -> bool {
    NUMBERS.iter().any(|numbers| numbers.element == element)
}

/// Returns the name of a number; `None` if it is unknown.
pub(super) fn name_of(element: &str, number: u32) -> Option<&'static str> {
    let numbers = NUMBERS.iter().find(|numbers| numbers.element == element)?;
    let (_, name) = numbers.known.iter().find(|(known, _)| *known == number)?;
    (!name.is_empty()).then_some(*name)
}
