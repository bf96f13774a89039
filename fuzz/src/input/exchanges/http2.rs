//! Exchanges of an HTTP/2 connection: each stream has a request and an answer (RFC 9113, section 8.1).

use std::collections::BTreeMap;

use sockfuzz_model::http2::Connection;
use sockfuzz_model::http2::hpack::{Block, Tables};

use crate::input::exchange::Exchange;

/// Returns the exchanges of a connection on which `sent` was sent and `answer` came back.
pub(super) fn exchanges(sent: &[u8], answer: &[u8]) -> Vec<Exchange> {
    let mut statuses = BTreeMap::new();
    for (stream, fields) in blocks(answer) {
        let status =
            value(&fields, b":status").and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
        // Informational answers come before the final one, trailers after it.
        if let Some(status @ 200..) = status {
            statuses.entry(stream).or_insert(status);
        }
    }
    let exchange = |(stream, fields): (u32, Fields)| {
        let path = value(&fields, b":path")?;
        Some(Exchange {
            method: value(&fields, b":method")?.to_vec(),
            path: path.split(|&byte| byte == b'?').next().unwrap_or_default().to_vec(),
            status: statuses.get(&stream).copied(),
        })
    };
    blocks(sent).into_iter().filter_map(exchange).collect()
}

/// Names and values.
type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// Returns the field blocks of one side, with their streams.
fn blocks(side: &[u8]) -> Vec<(u32, Fields)> {
    let connection = Connection::parse(side);
    let mut tables = Tables::default();
    let begins = connection.frames.iter().enumerate().filter(|(_, frame)| frame.begins_block());
    let block = |(number, stream)| {
        let fields = tables.read(&Block::parse(&connection.block(number)));
        (stream, fields.into_iter().flatten().collect())
    };
    begins.map(|(number, frame)| (number, frame.stream)).map(block).collect()
}

fn value<'a>(fields: &'a Fields, name: &[u8]) -> Option<&'a [u8]> {
    fields.iter().find(|(own, _)| own == name).map(|(_, value)| &value[..])
}
