//! Pipelines: the requests sent on one connection, and bytes that cannot be parsed.

use crate::http2::PREFACE;
use crate::lines::{cut_while, is_line_end, line};
use crate::{Bytes, Kind, Request, Visit, Visitor};

/// Item of a pipeline.
// Most items are requests: boxing each request would cost more than the memory that it saves.
#[expect(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item<'a> {
    /// A request.
    Request(Request<'a>),
    /// Bytes that cannot be parsed as a request.
    Opaque(Bytes<'a>),
}

/// Requests and other bytes sent on one connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pipeline<'a> {
    /// Items, in the order in which they are sent.
    pub items: Vec<Item<'a>>,
}

impl<'a> Pipeline<'a> {
    /// Parses any bytes without loss.
    #[must_use]
    pub fn parse(text: &'a [u8]) -> Self {
        let mut items = Vec::new();
        let (mut opaque, mut rest) = (text, text);
        // The bytes after the preface of HTTP/2 are frames, not text.
        while !rest.is_empty() && !rest.starts_with(PREFACE) {
            let before = rest;
            let Some(request) = Request::parse(&mut rest) else {
                // A request can follow after blank lines and a line that is not a request line.
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

    /// Returns the requests of the pipeline.
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
