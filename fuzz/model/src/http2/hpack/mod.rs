//! Header blocks (RFC 7541) with the representation of each field.

mod integer;
mod string_literal;
mod tables;

use std::borrow::Cow;

pub use string_literal::StringLiteral;
pub use tables::{Header, HeaderEncoder, Tables};

/// Indexing of a literal field: whether it is added to the dynamic table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Indexing {
    /// Literal with incremental indexing: the field is added.
    Incremental,
    /// Literal without indexing.
    Without,
    /// Literal never indexed, not even by intermediaries.
    Never,
}

/// The name of a literal field.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Name<'a> {
    /// Index of a table entry with the name.
    Index(u32),
    /// Literal name.
    Literal(StringLiteral<'a>),
}

/// Field representation, or another entry of a header block.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Field<'a> {
    /// Index of a table entry with name and value.
    Indexed(u32),
    /// Literal value.
    Literal {
        /// Whether the field is added to the dynamic table.
        indexing: Indexing,
        /// Name.
        name: Name<'a>,
        /// Value.
        value: StringLiteral<'a>,
    },
    /// Size update of the dynamic table.
    Resize(u32),
    /// Bytes that are invalid or that no encoder would write. Always the last entry.
    Raw(Cow<'a, [u8]>),
}

/// Header block.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Block<'a> {
    /// Entries of the block.
    pub fields: Vec<Field<'a>>,
}

impl<'a> Block<'a> {
    /// Parses any bytes without loss.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Self {
        let mut fields = Vec::with_capacity(16);
        let mut rest = bytes;
        while !rest.is_empty() {
            let mut ahead = rest;
            match Field::parse(&mut ahead) {
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

    /// Returns the block's bytes, which equal the input of [`parse`](Self::parse) if nothing was changed.
    #[must_use]
    pub fn serialise(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        for field in &self.fields {
            field.serialise_into(&mut bytes);
        }
        bytes
    }
}

impl<'a> Field<'a> {
    /// Creates a field with literal name and value.
    #[must_use]
    pub fn literal(indexing: Indexing, name: &'a [u8], value: &'a [u8], huffman: bool) -> Self {
        let name = Name::Literal(StringLiteral::encode(name, huffman));
        Self::Literal { indexing, name, value: StringLiteral::encode(value, huffman) }
    }

    /// Encodes literals again, with or without Huffman code. Leaves invalid code unchanged.
    pub fn recode(&mut self, huffman: bool) {
        if let Self::Literal { name, value, .. } = self {
            if let Name::Literal(name) = name {
                name.recode(huffman);
            }
            value.recode(huffman);
        }
    }

    /// Converts into a field that owns its bytes.
    #[must_use]
    pub fn into_owned(self) -> Field<'static> {
        match self {
            Self::Indexed(index) => Field::Indexed(index),
            Self::Resize(size) => Field::Resize(size),
            Self::Raw(raw) => Field::Raw(raw.into_owned().into()),
            Self::Literal { indexing, name, value } => {
                let name = match name {
                    Name::Index(index) => Name::Index(index),
                    Name::Literal(name) => Name::Literal(name.into_owned()),
                };
                Field::Literal { indexing, name, value: value.into_owned() }
            }
        }
    }

    fn parse(bytes: &mut &'a [u8]) -> Option<Self> {
        let first = *bytes.first()?;
        let (indexing, prefix) = match first {
            0x80.. => return integer::parse(bytes, 7).map(Self::Indexed),
            0x20..0x40 => return integer::parse(bytes, 5).map(Self::Resize),
            0x40.. => (Indexing::Incremental, 6),
            0x10.. => (Indexing::Never, 4),
            _ => (Indexing::Without, 4),
        };
        let name = match integer::parse(bytes, prefix)? {
            0 => Name::Literal(StringLiteral::parse(bytes)?),
            index => Name::Index(index),
        };
        Some(Self::Literal { indexing, name, value: StringLiteral::parse(bytes)? })
    }

    fn serialise_into(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Indexed(index) => integer::serialise_into(*index, 0x80, 7, bytes),
            Self::Resize(size) => integer::serialise_into(*size, 0x20, 5, bytes),
            Self::Raw(raw) => bytes.extend_from_slice(raw),
            Self::Literal { indexing, name, value } => {
                let (first, prefix) = match indexing {
                    Indexing::Incremental => (0x40, 6),
                    Indexing::Without => (0, 4),
                    Indexing::Never => (0x10, 4),
                };
                match name {
                    Name::Index(index) => integer::serialise_into(*index, first, prefix, bytes),
                    Name::Literal(name) => {
                        bytes.push(first);
                        name.serialise_into(bytes);
                    }
                }
                value.serialise_into(bytes);
            }
        }
    }
}
