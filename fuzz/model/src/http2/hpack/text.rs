//! Strings, as they are or in Huffman's code (RFC 7541, section 5.2).

use std::borrow::Cow;

use httlib_huffman::DecoderSpeed;

use super::integer;

/// A string as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Text<'a> {
    /// Whether it says that it is in Huffman's code.
    pub huffman: bool,
    /// Its bytes as they are sent.
    pub raw: Cow<'a, [u8]>,
}

impl<'a> Text<'a> {
    /// Writes `text`, in Huffman's code or as it is.
    #[must_use]
    pub fn encode(text: impl Into<Cow<'a, [u8]>>, huffman: bool) -> Self {
        let text = text.into();
        if huffman {
            let mut coded = Vec::with_capacity(text.len());
            // Every byte has a code: this does not fail.
            if httlib_huffman::encode(&text, &mut coded).is_ok() {
                return Self { huffman, raw: Cow::Owned(coded) };
            }
        }
        Self { huffman: false, raw: text }
    }

    /// What is written; `None` if the code is broken.
    #[must_use]
    pub fn decode(&self) -> Option<Cow<'_, [u8]>> {
        if !self.huffman {
            return Some(Cow::Borrowed(&self.raw));
        }
        let mut text = Vec::with_capacity(2 * self.raw.len());
        httlib_huffman::decode(&self.raw, &mut text, DecoderSpeed::FourBits).ok()?;
        Some(Cow::Owned(text))
    }

    /// Writes it in Huffman's code, or not; broken code stays.
    pub(super) fn recode(&mut self, huffman: bool) {
        if let Some(text) = self.decode() {
            *self = Self::encode(text.into_owned(), huffman);
        }
    }

    /// The same with bytes of its own.
    #[must_use]
    pub fn into_owned(self) -> Text<'static> {
        Text { huffman: self.huffman, raw: self.raw.into_owned().into() }
    }

    pub(super) fn take(bytes: &mut &'a [u8]) -> Option<Self> {
        let huffman = bytes.first()? & 0x80 != 0;
        let len = integer::take(bytes, 7)?;
        let (raw, rest) = bytes.split_at_checked(len as usize)?;
        *bytes = rest;
        Some(Self { huffman, raw: Cow::Borrowed(raw) })
    }

    pub(super) fn put(&self, bytes: &mut Vec<u8>) {
        integer::put(self.raw.len() as u32, if self.huffman { 0x80 } else { 0 }, 7, bytes);
        bytes.extend_from_slice(&self.raw);
    }
}
