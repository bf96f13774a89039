//! Shapes: descriptions of elements, and the parser that follows them.

use std::borrow::Cow;

use super::element::{Content, Element};

/// Shape of an element.
#[derive(Debug)]
pub enum Shape {
    /// This many bytes: a number, or opaque.
    Bytes(usize),
    /// All bytes up to the end of what is around it.
    Rest,
    /// Members, one after the other.
    Struct(&'static [Member]),
    /// As many of this member as there are, up to the end of what is around it.
    List(&'static Member),
    /// A length of this many bytes, and what it measures.
    Vector(usize, &'static Self),
    /// The shape that belongs to the number before it.
    Select(fn(u32) -> &'static Self),
}

/// Part of a shape: its name, and its own shape.
#[derive(Debug)]
pub struct Member(pub &'static str, pub Shape);

impl Shape {
    /// Parses bytes into an element. Parts for which there are no bytes are empty. Bytes after the last part become a further
    /// element, so that serialisation gives the same bytes.
    #[must_use]
    pub fn parse_all<'a>(&self, name: &'static str, bytes: &'a [u8]) -> Element<'a> {
        let mut rest = bytes;
        let element = self.parse(name, &mut rest, 0);
        match rest {
            [] => element,
            _ => Element { name, content: Content::Struct(vec![element, Element::bytes("rest", rest)]) },
        }
    }

    /// Parses an element at the front of `bytes` and advances `bytes` past it. `selector` is the number before it.
    fn parse<'a>(&self, name: &'static str, bytes: &mut &'a [u8], selector: u32) -> Element<'a> {
        let content = match self {
            Self::Bytes(count) => take(bytes, *count),
            Self::Rest => take(bytes, usize::MAX),
            Self::Struct(members) => {
                let mut selector = selector;
                let parse = |member: &Member| {
                    let element = member.1.parse(member.0, bytes, selector);
                    selector = element.number().unwrap_or(selector);
                    element
                };
                Content::Struct(members.iter().map(parse).collect())
            }
            Self::List(item) => {
                let mut items = Vec::new();
                while !bytes.is_empty() {
                    items.push(item.1.parse(item.0, bytes, 0));
                }
                // A list has the name of its items: that of the vector around it would say less.
                return Element { name: item.0, content: Content::List(items) };
            }
            Self::Vector(width, inner) => match bytes.split_at_checked(*width) {
                None => take(bytes, usize::MAX),
                Some((prefix, rest)) => {
                    let length = prefix.iter().fold(0, |length, byte| length << 8 | u32::from(*byte));
                    let (mut part, rest) = rest.split_at(rest.len().min(length as usize));
                    *bytes = rest;
                    let declared = (part.len() < length as usize).then_some(length);
                    let mut elements = vec![inner.parse(name, &mut part, selector)];
                    if !part.is_empty() {
                        elements.push(Element::bytes("rest", part));
                    }
                    Content::Vector { width: *width, declared, elements }
                }
            },
            Self::Select(choose) => return choose(selector).parse(name, bytes, selector),
        };
        Element { name, content }
    }
}

/// Takes at most `count` bytes.
fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Content<'a> {
    let (taken, rest) = bytes.split_at(bytes.len().min(count));
    *bytes = rest;
    Content::Bytes(Cow::Borrowed(taken))
}
