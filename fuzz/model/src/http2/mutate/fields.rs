//! Mutations of header fields: names, values, order, representation.

use std::borrow::Cow;

use crate::bytes::mutate_bytes;
use crate::http2::hpack::{Block, Field, HeaderEncoder, Indexing, Name, StringLiteral, Tables};
use crate::http2::{Connection, Random, vocabulary};

/// Changes one header block. Returns false if there is none.
pub(super) fn mutate(connection: &mut Connection<'_>, random: &mut impl Random) -> bool {
    let blocks = connection.frames.iter().filter(|frame| frame.begins_block()).count();
    let chosen = random.below(blocks);
    let mut begins = connection.frames.iter().enumerate().filter(|(_, frame)| frame.begins_block());
    let Some((first, _)) = begins.nth(chosen) else {
        return false;
    };
    let bytes = connection.block(first);
    let mut block = Block::parse(&bytes);
    if random.one_in(12) {
        expand(connection, first, &mut block, random);
    } else {
        change(&mut block.fields, random);
    }
    let changed = block.serialise();
    connection.set_block(first, &changed);
    true
}

fn change(fields: &mut Vec<Field<'_>>, random: &mut impl Random) {
    let count = fields.len();
    if count == 0 {
        return fields.push(new(random));
    }
    let number = random.below(count);
    match random.below(12) {
        0 => drop(fields.remove(number)),
        1 => fields.insert(random.below(count + 1), fields[number].clone()),
        2 => fields.swap(number, random.below(count)),
        3 | 4 => fields.insert(random.below(count + 1), new(random)),
        5 => fields[number] = new(random),
        6 => fields.insert(number, Field::Resize(*random.pick(&[0, 1, 31, 64, 4096, 4097, 65536]))),
        7 => fields[number].recode(random.one_in(2)),
        _ => field(&mut fields[number], random),
    }
}

/// Creates a known field in a random representation.
fn new(random: &mut impl Random) -> Field<'static> {
    let kinds = if random.one_in(3) { vocabulary::PSEUDO_HEADERS } else { vocabulary::FIELDS };
    let (name, values) = random.pick(kinds);
    let value = random.pick(values);
    let huffman = random.one_in(2);
    if random.one_in(2) {
        return HeaderEncoder::default().field(name.as_bytes(), value.as_bytes(), huffman);
    }
    Field::literal(indexing(random), name.as_bytes(), value.as_bytes(), huffman)
}

fn indexing(random: &mut impl Random) -> Indexing {
    *random.pick(&[Indexing::Incremental, Indexing::Without, Indexing::Never])
}

fn field(field: &mut Field<'_>, random: &mut impl Random) {
    match field {
        Field::Indexed(index) => *index = another_index(*index, random),
        Field::Resize(size) => *size = random.interesting_number() >> 4,
        Field::Raw(raw) => bytes(raw.to_mut(), random),
        Field::Literal { indexing: kept, name, value } => match (random.below(8), name) {
            (0, _) => *kept = indexing(random),
            (1, Name::Index(index)) => *index = another_index(*index, random).max(1),
            (1 | 2, Name::Literal(name)) => {
                text(name, vocabulary::FIELDS.iter().map(|(name, _)| *name), random)
            }
            (3, Name::Index(index)) => {
                let known = Tables::default().entry(*index).unwrap_or_default();
                let name = Name::Literal(StringLiteral::encode(known.0, random.one_in(2)));
                *field = Field::Literal { indexing: *kept, name, value: value.clone() };
            }
            // Declares plain bytes as Huffman code, or the reverse.
            (4, _) => value.huffman = !value.huffman,
            _ => {
                let kinds = if random.one_in(3) { vocabulary::PSEUDO_HEADERS } else { vocabulary::FIELDS };
                let (_, known) = random.pick(kinds);
                text(value, known.iter().copied(), random);
            }
        },
    }
}

/// Chooses an index: in the static table, in the dynamic table, or beyond both.
fn another_index(index: u32, random: &mut impl Random) -> u32 {
    match random.below(4) {
        0 => index.wrapping_add(1) & 0xfff_ffff,
        1 => index.saturating_sub(1),
        2 => random.below(62) as u32,
        _ => 62 + random.below(4) as u32,
    }
}

/// Changes a string literal, or replaces it by a known word.
fn text<'k>(
    text: &mut StringLiteral<'_>,
    known: impl Iterator<Item = &'k str> + Clone,
    random: &mut impl Random,
) {
    let huffman = text.huffman;
    if random.one_in(3) {
        let chosen = random.below(known.clone().count());
        let known = known.clone().nth(chosen).unwrap_or_default();
        *text = StringLiteral::encode(known.as_bytes().to_vec(), huffman);
        return;
    }
    let Some(mut decoded) = text.decode().map(Cow::into_owned) else {
        return bytes(text.raw.to_mut(), random);
    };
    bytes(&mut decoded, random);
    *text = StringLiteral::encode(decoded, huffman);
}

/// Changes, adds, drops or repeats some bytes.
pub(super) fn bytes(bytes: &mut Vec<u8>, random: &mut impl Random) {
    mutate_bytes(bytes, b" \0\r\n:,;=%/.\"0aA\xff", random);
}

/// Replaces indexed fields by literals, according to the tables at this point of the connection.
fn expand(connection: &Connection<'_>, first: usize, block: &mut Block<'_>, random: &mut impl Random) {
    let mut tables = Tables::default();
    for (number, frame) in connection.frames[..first].iter().enumerate() {
        if frame.begins_block() {
            tables.read(&Block::parse(&connection.block(number)));
        }
    }
    let headers = tables.read(block);
    let huffman = random.one_in(2);
    for (field, header) in block.fields.iter_mut().zip(headers) {
        if let (Field::Indexed(_), Some((name, value))) = (&field, header) {
            *field = Field::literal(Indexing::Without, &name, &value, huffman).into_owned();
        }
    }
}
