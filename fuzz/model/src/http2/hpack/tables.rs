//! What indexes stand for: the static table, and the dynamic one that a connection fills.

use loona_hpack::{Decoder, Encoder};

use super::{Block, Field, Name, Text};

/// A name and its value.
pub type Header = (Vec<u8>, Vec<u8>);

/// Both tables, at one point of a connection.
#[derive(Default)]
pub struct Tables(Decoder<'static>);

impl Tables {
    /// The headers of a block, which changes the dynamic table; `None` for what has no meaning: an
    /// index that there is not, broken code, a new size, bytes that are no field.
    pub fn read(&mut self, block: &Block<'_>) -> Vec<Option<Header>> {
        block.fields.iter().map(|field| self.read_field(field)).collect()
    }

    fn read_field(&mut self, field: &Field<'_>) -> Option<Header> {
        // The library's decoder of Huffman's code builds its table at every string.
        let plain = match field {
            Field::Literal { indexing, name, value } => {
                let name = match name {
                    Name::Index(index) => Name::Index(*index),
                    Name::Text(name) => Name::Text(Text::encode(name.decode()?, false)),
                };
                &Field::Literal { indexing: *indexing, name, value: Text::encode(value.decode()?, false) }
            }
            Field::Indexed(_) | Field::Resize(_) => field,
            Field::Raw(_) => return None,
        };
        let mut bytes = Vec::with_capacity(64);
        plain.put(&mut bytes);
        let mut header = None;
        let decoded = self
            .0
            .decode_with_cb(&bytes, |name, value| header = Some((name.into_owned(), value.into_owned())));
        decoded.ok().and(header)
    }

    /// What an index stands for.
    pub fn entry(&mut self, index: u32) -> Option<Header> {
        self.read_field(&Field::Indexed(index))
    }
}

/// Writes headers as an ordinary client does: each as short as the tables allow, and remembered.
#[derive(Default)]
pub struct Writer(Encoder<'static>);

impl Writer {
    /// The field for this header.
    pub fn field(&mut self, name: &[u8], value: &[u8], huffman: bool) -> Field<'static> {
        let mut bytes = Vec::with_capacity(64);
        // Writing to a vector does not fail.
        let _never = self.0.encode_header_into((name, value), &mut bytes);
        let mut field =
            Field::take(&mut &*bytes).map_or_else(|| Field::Raw(bytes.clone().into()), Field::into_owned);
        if huffman {
            field.recode(true);
        }
        field
    }

    /// The block for these headers.
    pub fn block(&mut self, headers: &[(&str, &str)], huffman: bool) -> Block<'static> {
        let field = |(name, value): &(&str, &str)| self.field(name.as_bytes(), value.as_bytes(), huffman);
        Block { fields: headers.iter().map(field).collect() }
    }
}
