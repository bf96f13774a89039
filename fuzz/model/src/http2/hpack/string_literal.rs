//! String literals, plain or in Huffman code (RFC 7541, section 5.2).

use std::borrow::Cow;

use httlib_huffman::DecoderSpeed;

use super::integer;

/// String literal as it is encoded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StringLiteral<'a> {
    /// Whether the string is declared as Huffman code.
    pub huffman: bool,
    /// Encoded bytes.
    pub raw: Cow<'a, [u8]>,
}

impl<'a> StringLiteral<'a> {
    /// Encodes `text`, in Huffman code or plain.
    #[must_use]
    pub fn encode(text: impl Into<Cow<'a, [u8]>>, huffman: bool) -> Self {
        let text = text.into();
        if huffman {
            let mut coded = Vec::with_capacity(text.len());
            // Cannot fail, because every byte has a code.
            if httlib_huffman::encode(&text, &mut coded).is_ok() {
                return Self { huffman, raw: Cow::Owned(coded) };
            }
        }
        Self { huffman: false, raw: text }
    }

    /// Decodes the string; `None` if the Huffman code is invalid.
    #[must_use]
    pub fn decode(&self) -> Option<Cow<'_, [u8]>> {
        if !self.huffman {
            return Some(Cow::Borrowed(&self.raw));
        }
        let mut text = Vec::with_capacity(2 * self.raw.len());
        httlib_huffman::decode(&self.raw, &mut text, DecoderSpeed::FourBits).ok()?;
        Some(Cow::Owned(text))
    }

    /// Encodes the string again, in Huffman code or plain. Leaves invalid code unchanged.
    pub(super) fn recode(&mut self, huffman: bool) {
        if let Some(text) = self.decode() {
            *self = Self::encode(text.into_owned(), huffman);
        }
    }

    /// Converts into a string that owns its bytes.
    #[must_use]
    pub fn into_owned(self) -> StringLiteral<'static> {
        StringLiteral { huffman: self.huffman, raw: self.raw.into_owned().into() }
    }

    pub(super) fn parse(bytes: &mut &'a [u8]) -> Option<Self> {
        let huffman = bytes.first()? & 0x80 != 0;
        let len = integer::parse(bytes, 7)?;
        let (raw, rest) = bytes.split_at_checked(len as usize)?;
        *bytes = rest;
        Some(Self { huffman, raw: Cow::Borrowed(raw) })
    }

    pub(super) fn serialise_into(&self, bytes: &mut Vec<u8>) {
        integer::serialise_into(self.raw.len() as u32, if self.huffman { 0x80 } else { 0 }, 7, bytes);
        bytes.extend_from_slice(&self.raw);
    }
}
