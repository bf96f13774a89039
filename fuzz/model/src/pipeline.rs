//! What is sent over one connection: requests, one after the other, and what cannot be understood.

use crate::lines::{cut_while, is_line_end, line};
use crate::{Bytes, Kind, Request, Visit, Visitor};

/// How an HTTP/2 connection begins (RFC 9113, section 3.4). What follows is not text.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// One thing in a pipeline.
// Requests are the rule: a box for each would cost more than the room it saves.
#[expect(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item<'a> {
    /// A request.
    Request(Request<'a>),
    /// Bytes that are none.
    Opaque(Bytes<'a>),
}

/// All that is sent over a connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pipeline<'a> {
    /// In the order in which they are sent.
    pub items: Vec<Item<'a>>,
}

impl<'a> Pipeline<'a> {
    /// Understands any bytes.
    #[must_use]
    pub fn parse(text: &'a [u8]) -> Self {
        let mut items = Vec::new();
        let (mut opaque, mut rest) = (text, text);
        while !rest.is_empty() && !rest.starts_with(PREFACE) {
            let before = rest;
            let Some(request) = Request::parse(&mut rest) else {
                // Wherever one begins among the blank lines, the next line is what it is.
                cut_while(&mut rest, is_line_end);
                line(&mut rest);
                continue;
            };
            push_opaque(&mut items, &opaque[..opaque.len() - before.len()]);
            items.push(Item::Request(request));
            opaque = rest;
        }
        push_opaque(&mut items, opaque);
        Self { items }
    }

    /// The requests in it.
    pub fn requests(&self) -> impl Iterator<Item = &Request<'a>> {
        self.items.iter().filter_map(|item| match item {
            Item::Request(request) => Some(request),
            Item::Opaque(_) => None,
        })
    }
}

fn push_opaque<'a>(items: &mut Vec<Item<'a>>, bytes: &'a [u8]) {
    if !bytes.is_empty() {
        items.push(Item::Opaque(bytes.into()));
    }
}

impl Visit for Pipeline<'_> {
    fn visit(&self, visitor: &mut impl Visitor) {
        for item in &self.items {
            match item {
                Item::Request(request) => request.visit(visitor),
                Item::Opaque(bytes) => visitor.bytes(Kind::Opaque, bytes),
            }
        }
    }
}
