//! Frames: a header of nine bytes, and a payload.

use std::borrow::Cow;
use std::ops::Range;

/// Types of frames (RFC 9113, section 6).
#[allow(missing_docs, reason = "the names are those of the standard")]
pub mod kind {
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const PRIORITY: u8 = 2;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PUSH_PROMISE: u8 = 5;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
}

/// Flags of frames.
#[allow(missing_docs, reason = "the names are those of the standard")]
pub mod flag {
    pub const ACK: u8 = 0x1;
    pub const END_STREAM: u8 = 0x1;
    pub const END_HEADERS: u8 = 0x4;
    pub const PADDED: u8 = 0x8;
    pub const PRIORITY: u8 = 0x20;
}

/// Identifiers of settings.
#[allow(missing_docs, reason = "the names are those of the standard")]
pub mod setting {
    pub const HEADER_TABLE_SIZE: u16 = 1;
    pub const ENABLE_PUSH: u16 = 2;
    pub const MAX_CONCURRENT_STREAMS: u16 = 3;
    pub const INITIAL_WINDOW_SIZE: u16 = 4;
    pub const MAX_FRAME_SIZE: u16 = 5;
    pub const MAX_HEADER_LIST_SIZE: u16 = 6;
    pub const ENABLE_CONNECT_PROTOCOL: u16 = 8;
}

/// Length of a frame's header, in bytes.
pub(super) const HEADER_LENGTH: usize = 9;
/// Largest length that a frame's header can declare.
pub(super) const MAX_PAYLOAD_LENGTH: usize = (1 << 24) - 1;

/// Frame.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Frame<'a> {
    /// Length that the header declares, if it differs from the payload's.
    pub declared: Option<u32>,
    /// Type.
    pub kind: u8,
    /// Flags.
    pub flags: u8,
    /// Stream, the reserved bit included.
    pub stream: u32,
    /// Everything after the header.
    pub payload: Cow<'a, [u8]>,
}

/// Ranges of the parts of a payload. Missing parts are empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadParts {
    /// Whether the first byte is the padding's length.
    pub padded: bool,
    /// Dependency and weight in HEADERS, the promised stream in PUSH_PROMISE.
    pub prefix: Range<usize>,
    /// Header block or data.
    pub content: Range<usize>,
}

impl<'a> Frame<'a> {
    /// Creates a frame whose declared length is that of its payload.
    pub fn new(kind: u8, flags: u8, stream: u32, payload: impl Into<Cow<'a, [u8]>>) -> Self {
        Self { declared: None, kind, flags, stream, payload: payload.into() }
    }

    /// Parses the frame at the front of `bytes` and advances `bytes` past it; `None` if the header is incomplete.
    pub(super) fn parse(bytes: &mut &'a [u8]) -> Option<Self> {
        let (header, rest) = bytes.split_at_checked(HEADER_LENGTH)?;
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]);
        let present = rest.len().min(length as usize);
        let (payload, rest) = rest.split_at(present);
        *bytes = rest;
        Some(Self {
            declared: (present < length as usize).then_some(length),
            kind: header[3],
            flags: header[4],
            stream: u32::from_be_bytes([header[5], header[6], header[7], header[8]]),
            payload: Cow::Borrowed(payload),
        })
    }

    /// Appends the frame's bytes.
    pub(super) fn serialise_into(&self, bytes: &mut Vec<u8>) {
        let length = self.declared.unwrap_or(self.payload.len().min(MAX_PAYLOAD_LENGTH) as u32);
        bytes.extend_from_slice(&length.to_be_bytes()[1..]);
        bytes.extend_from_slice(&[self.kind, self.flags]);
        bytes.extend_from_slice(&self.stream.to_be_bytes());
        bytes.extend_from_slice(&self.payload);
    }

    /// Returns the length of the frame with its header, in bytes.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "none is empty")]
    pub fn len(&self) -> usize {
        HEADER_LENGTH + self.payload.len()
    }

    /// Whether all these flags are set.
    #[must_use]
    pub fn has(&self, flags: u8) -> bool {
        self.flags & flags == flags
    }

    /// Whether a header block begins in this frame.
    #[must_use]
    pub fn begins_block(&self) -> bool {
        matches!(self.kind, kind::HEADERS | kind::PUSH_PROMISE)
    }

    /// Whether frames of this type may be padded.
    #[must_use]
    pub fn can_be_padded(&self) -> bool {
        self.begins_block() || self.kind == kind::DATA
    }

    /// Returns the ranges of the parts of the payload.
    #[must_use]
    pub fn parts(&self) -> PayloadParts {
        let len = self.payload.len();
        let padded = self.can_be_padded() && self.has(flag::PADDED) && len > 0;
        let begin = usize::from(padded);
        let padding = if padded { usize::from(self.payload[0]) } else { 0 };
        let prefix = match self.kind {
            kind::HEADERS if self.has(flag::PRIORITY) => 5,
            kind::PUSH_PROMISE => 4,
            _ => 0,
        };
        let content = (begin + prefix).min(len);
        let end = len.saturating_sub(padding).max(content);
        PayloadParts { padded, prefix: begin..content, content: content..end }
    }

    /// Returns the header block or the data.
    #[must_use]
    pub fn content(&self) -> &[u8] {
        &self.payload[self.parts().content]
    }

    /// Replaces the content between prefix and padding.
    pub fn set_content(&mut self, content: &[u8]) {
        let range = self.parts().content;
        self.payload.to_mut().splice(range, content.iter().copied());
    }

    /// Replaces the padding by `padding` zeros, if frames of this type may be padded.
    pub fn pad(&mut self, padding: u8) {
        if !self.can_be_padded() {
            return;
        }
        let parts = self.parts();
        let mut payload = Vec::with_capacity(self.payload.len() + usize::from(padding) + 1);
        payload.push(padding);
        payload.extend_from_slice(&self.payload[parts.prefix.start..parts.content.end]);
        payload.resize(payload.len() + usize::from(padding), 0);
        self.payload = Cow::Owned(payload);
        self.flags |= flag::PADDED;
    }

    /// Removes the padding.
    pub fn strip_padding(&mut self) {
        let parts = self.parts();
        if parts.padded {
            let kept = parts.prefix.start..parts.content.end;
            self.payload = Cow::Owned(self.payload[kept].to_vec());
        }
        if self.can_be_padded() {
            self.flags &= !flag::PADDED;
        }
    }

    /// Converts into a frame that owns its payload.
    #[must_use]
    pub fn into_owned(self) -> Frame<'static> {
        Frame {
            declared: self.declared,
            kind: self.kind,
            flags: self.flags,
            stream: self.stream,
            payload: Cow::Owned(self.payload.into_owned()),
        }
    }
}
