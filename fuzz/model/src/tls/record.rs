//! Records: a header with a length, and a fragment.

use std::borrow::Cow;

/// Content types of records (RFC 8446, section 5.1; RFC 6520, section 3).
#[allow(missing_docs, reason = "the names are those of the standards")]
pub mod content_type {
    pub const CHANGE_CIPHER_SPEC: u8 = 20;
    pub const ALERT: u8 = 21;
    pub const HANDSHAKE: u8 = 22;
    pub const APPLICATION_DATA: u8 = 23;
    pub const HEARTBEAT: u8 = 24;
}

/// Largest length of a fragment that is not encrypted (RFC 8446, section 5.1), in bytes.
pub(super) const MAX_FRAGMENT_LENGTH: usize = 1 << 14;

/// First bit of an SSL 2.0 header of two bytes; no content type has it.
const SSL2_BIT: u16 = 0x8000;

/// Header of a record without its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordHeader {
    /// Five bytes.
    Tls {
        /// Content type, one of [`content_type`] or not.
        content_type: u8,
        /// Legacy version.
        version: u16,
    },
    /// The two bytes before a ClientHello of SSL 2.0 (RFC 5246, appendix E.2).
    Ssl2,
}

/// Record.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Record<'a> {
    /// Header.
    pub header: RecordHeader,
    /// Length that the header declares, if it differs from the fragment's.
    pub declared: Option<u16>,
    /// Everything after the header.
    pub fragment: Cow<'a, [u8]>,
}

impl RecordHeader {
    /// Creates the header of a TLS record.
    #[must_use]
    pub fn tls(content_type: u8, version: u16) -> Self {
        Self::Tls { content_type, version }
    }

    /// Returns the content type; `None` in SSL 2.0, which has none.
    #[must_use]
    pub fn content_type(self) -> Option<u8> {
        match self {
            Self::Tls { content_type, .. } => Some(content_type),
            Self::Ssl2 => None,
        }
    }

    /// Returns its length with that of the fragment, in bytes.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "none is empty")]
    pub fn len(self) -> usize {
        match self {
            Self::Tls { .. } => 5,
            Self::Ssl2 => 2,
        }
    }
}

impl<'a> Record<'a> {
    /// Creates a record whose declared length is that of its fragment.
    pub fn new(header: RecordHeader, fragment: impl Into<Cow<'a, [u8]>>) -> Self {
        Self { header, declared: None, fragment: fragment.into() }
    }

    /// Parses the record at the front of `bytes` and advances `bytes` past it; `None` if the header is incomplete.
    pub(super) fn parse(bytes: &mut &'a [u8]) -> Option<Self> {
        let (header, length) = match **bytes {
            [first, second, ..] if u16::from_be_bytes([first, second]) & SSL2_BIT != 0 => {
                (RecordHeader::Ssl2, u16::from_be_bytes([first, second]) & !SSL2_BIT)
            }
            [content_type, major, minor, high, low, ..] => {
                let version = u16::from_be_bytes([major, minor]);
                (RecordHeader::tls(content_type, version), u16::from_be_bytes([high, low]))
            }
            _ => return None,
        };
        let rest = &bytes[header.len()..];
        let present = rest.len().min(length.into());
        let (fragment, rest) = rest.split_at(present);
        *bytes = rest;
        let declared = (present < length.into()).then_some(length);
        Some(Self { header, declared, fragment: Cow::Borrowed(fragment) })
    }

    /// Appends the record's bytes.
    pub(super) fn serialise_into(&self, bytes: &mut Vec<u8>) {
        let length = self.declared.unwrap_or(u16::try_from(self.fragment.len()).unwrap_or(u16::MAX));
        match self.header {
            RecordHeader::Tls { content_type, version } => {
                bytes.push(content_type);
                bytes.extend_from_slice(&version.to_be_bytes());
                bytes.extend_from_slice(&length.to_be_bytes());
            }
            RecordHeader::Ssl2 => bytes.extend_from_slice(&(length | SSL2_BIT).to_be_bytes()),
        }
        bytes.extend_from_slice(&self.fragment);
    }

    /// Returns the length of the record with its header, in bytes.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "none is empty")]
    pub fn len(&self) -> usize {
        self.header.len() + self.fragment.len()
    }

    /// Converts into a record that owns its fragment.
    #[must_use]
    pub fn into_owned(self) -> Record<'static> {
        Record {
            header: self.header,
            declared: self.declared,
            fragment: Cow::Owned(self.fragment.into_owned()),
        }
    }
}
