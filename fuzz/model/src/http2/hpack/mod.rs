//! Header blocks (RFC 7541) as they are written.

mod integer;
mod tables;
mod text;

use std::borrow::Cow;

pub use tables::{Header, Tables, Writer};
pub use text::Text;

/// Whether a field goes into the dynamic table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Indexing {
    /// It does.
    Incremental,
    /// It does not.
    Without,
    /// It must not, at any hop.
    Never,
}

/// The name of a literal field.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Name<'a> {
    /// That of a table's entry.
    Index(u32),
    /// Written out.
    Text(Text<'a>),
}

/// One entry of a header block.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Field<'a> {
    /// Name and value of a table's entry.
    Indexed(u32),
    /// A value that is written out.
    Literal {
        /// Whether it is remembered.
        indexing: Indexing,
        /// Name.
        name: Name<'a>,
        /// Value.
        value: Text<'a>,
    },
    /// A new size of the dynamic table.
    Resize(u32),
    /// Bytes that are none of these, or are written as no encoder would: always the last.
    Raw(Cow<'a, [u8]>),
}

/// A header block.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Block<'a> {
    /// Its entries.
    pub fields: Vec<Field<'a>>,
}

impl<'a> Block<'a> {
    /// Reads any bytes.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Self {
        let mut fields = Vec::with_capacity(16);
        let mut rest = bytes;
        while !rest.is_empty() {
            let mut ahead = rest;
            match Field::take(&mut ahead) {
                Some(field) => fields.push(field),
                None => {
                    fields.push(Field::Raw(Cow::Borrowed(rest)));
                    break;
                }
            }
            rest = ahead;
        }
        Self { fields }
    }

    /// The block's bytes: after [`parse`](Self::parse), those that were read.
    #[must_use]
    pub fn serialise(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        for field in &self.fields {
            field.put(&mut bytes);
        }
        bytes
    }
}

impl<'a> Field<'a> {
    /// A field that is written out as a whole.
    #[must_use]
    pub fn literal(indexing: Indexing, name: &'a [u8], value: &'a [u8], huffman: bool) -> Self {
        let name = Name::Text(Text::encode(name, huffman));
        Self::Literal { indexing, name, value: Text::encode(value, huffman) }
    }

    /// Writes name and value in Huffman's code, or not; what is in broken code stays.
    pub fn recode(&mut self, huffman: bool) {
        if let Self::Literal { name, value, .. } = self {
            if let Name::Text(name) = name {
                name.recode(huffman);
            }
            value.recode(huffman);
        }
    }

    /// The same with bytes of its own.
    #[must_use]
    pub fn into_owned(self) -> Field<'static> {
        match self {
            Self::Indexed(index) => Field::Indexed(index),
            Self::Resize(size) => Field::Resize(size),
            Self::Raw(raw) => Field::Raw(raw.into_owned().into()),
            Self::Literal { indexing, name, value } => {
                let name = match name {
                    Name::Index(index) => Name::Index(index),
                    Name::Text(name) => Name::Text(name.into_owned()),
                };
                Field::Literal { indexing, name, value: value.into_owned() }
            }
        }
    }

    fn take(bytes: &mut &'a [u8]) -> Option<Self> {
        let first = *bytes.first()?;
        let (indexing, prefix) = match first {
            0x80.. => return integer::take(bytes, 7).map(Self::Indexed),
            0x20..0x40 => return integer::take(bytes, 5).map(Self::Resize),
            0x40.. => (Indexing::Incremental, 6),
            0x10.. => (Indexing::Never, 4),
            _ => (Indexing::Without, 4),
        };
        let name = match integer::take(bytes, prefix)? {
            0 => Name::Text(Text::take(bytes)?),
            index => Name::Index(index),
        };
        Some(Self::Literal { indexing, name, value: Text::take(bytes)? })
    }

    fn put(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Indexed(index) => integer::put(*index, 0x80, 7, bytes),
            Self::Resize(size) => integer::put(*size, 0x20, 5, bytes),
            Self::Raw(raw) => bytes.extend_from_slice(raw),
            Self::Literal { indexing, name, value } => {
                let (first, prefix) = match indexing {
                    Indexing::Incremental => (0x40, 6),
                    Indexing::Without => (0, 4),
                    Indexing::Never => (0x10, 4),
                };
                match name {
                    Name::Index(index) => integer::put(*index, first, prefix, bytes),
                    Name::Text(name) => {
                        bytes.push(first);
                        name.put(bytes);
                    }
                }
                value.put(bytes);
            }
        }
    }
}
