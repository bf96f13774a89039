//! Static and dynamic tables, and an encoder.

use loona_hpack::{Decoder, Encoder};

use super::{Block, Field, Name, StringLiteral};

/// Name and value of a header field.
pub type Header = (Vec<u8>, Vec<u8>);

/// Static and dynamic table at one point of a connection.
#[derive(Default)]
pub struct Tables(Decoder<'static>);

impl Tables {
    /// Decodes the headers of a block, and updates the dynamic table. `None` stands for entries without a
    /// header: unknown indexes, invalid code, size updates, raw bytes.
    pub fn read(&mut self, block: &Block<'_>) -> Vec<Option<Header>> {
        block.fields.iter().map(|field| self.read_field(field)).collect()
    }

    fn read_field(&mut self, field: &Field<'_>) -> Option<Header> {
        // Decodes strings here, because the library's Huffman decoder builds its table for every string.
        let plain = match field {
            Field::Literal { indexing, name, value } => {
                let name = match name {
                    Name::Index(index) => Name::Index(*index),
                    Name::Literal(name) => Name::Literal(StringLiteral::encode(name.decode()?, false)),
                };
                &Field::Literal {
                    indexing: *indexing,
                    name,
                    value: StringLiteral::encode(value.decode()?, false),
                }
            }
            Field::Indexed(_) | Field::Resize(_) => field,
            Field::Raw(_) => return None,
        };
        let mut bytes = Vec::with_capacity(64);
        plain.serialise_into(&mut bytes);
        let mut header = None;
        let decoded = self
            .0
            .decode_with_cb(&bytes, |name, value| header = Some((name.into_owned(), value.into_owned())));
        decoded.ok().and(header)
    }

    /// Returns the table entry with this index.
    pub fn entry(&mut self, index: u32) -> Option<Header> {
        self.read_field(&Field::Indexed(index))
    }
}

/// Encoder of an ordinary client: uses the shortest representation, and adds each field to the table.
#[derive(Default)]
pub struct HeaderEncoder(Encoder<'static>);

impl HeaderEncoder {
    /// Encodes a header field.
    pub fn field(&mut self, name: &[u8], value: &[u8], huffman: bool) -> Field<'static> {
        let mut bytes = Vec::with_capacity(64);
        // Writing to a vector cannot fail.
        let _never = self.0.encode_header_into((name, value), &mut bytes);
        let mut field =
            Field::parse(&mut &*bytes).map_or_else(|| Field::Raw(bytes.clone().into()), Field::into_owned);
        if huffman {
            field.recode(true);
        }
        field
    }

    /// Encodes a header block.
    pub fn block(&mut self, headers: &[(&str, &str)], huffman: bool) -> Block<'static> {
        let field = |(name, value): &(&str, &str)| self.field(name.as_bytes(), value.as_bytes(), huffman);
        Block { fields: headers.iter().map(field).collect() }
    }
}
