//! Visitors: one traversal of a message, in the order of its bytes, for serialisation and outlines.

use crate::Bytes;

/// Kind of an element of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A whole request, from the blank lines before it to the end of its body.
    Request,
    /// Blank lines before a request.
    Blank,
    /// A request line, its end included.
    RequestLine,
    /// The method.
    Method,
    /// White space in a request line.
    Gap,
    /// The whole target.
    Target,
    /// The scheme of an absolute target, with `://`.
    Scheme,
    /// Host and port in a target.
    Authority,
    /// The path of a target.
    Path,
    /// The query of a target, with its question mark.
    Query,
    /// The version.
    Version,
    /// The end of a line.
    LineEnd,
    /// A whole header field, its line end included.
    Field,
    /// A field's name.
    Name,
    /// The colon after a name, with the white space around it.
    Colon,
    /// A field's value, folded lines included.
    Value,
    /// The line that ends a section of fields.
    SectionEnd,
    /// A whole body.
    Body,
    /// Bytes of a body without a structure.
    Content,
    /// A whole chunk.
    Chunk,
    /// A chunk's size.
    Size,
    /// The rest of a chunk-size line.
    Extension,
    /// A chunk's bytes.
    Data,
    /// A whole part of a multipart body.
    Part,
    /// A delimiter line of a multipart body.
    Delimiter,
    /// Bytes that cannot be parsed.
    Opaque,
}

impl Kind {
    /// Number of kinds.
    pub const COUNT: usize = Self::Opaque as usize + 1;
}

/// Receiver of the elements of a message.
pub trait Visitor {
    /// Starts a composite element, whose parts follow.
    fn enter(&mut self, kind: Kind) {
        let _ = kind;
    }

    /// Ends the element entered last.
    fn leave(&mut self) {}

    /// Receives the next bytes.
    fn bytes(&mut self, kind: Kind, bytes: &[u8]);
}

/// Message, or part of a message, that can be traversed.
pub trait Visit {
    /// Passes all elements to the visitor, in order.
    fn visit(&self, visitor: &mut impl Visitor);

    /// Appends the bytes of the message to `output`.
    fn serialise_into(&self, output: &mut Vec<u8>) {
        self.visit(&mut Serialiser(output));
    }

    /// Returns the bytes of the message.
    fn serialise(&self) -> Vec<u8> {
        let mut output = Vec::new();
        self.serialise_into(&mut output);
        output
    }
}

struct Serialiser<'a>(&'a mut Vec<u8>);

impl Visitor for Serialiser<'_> {
    fn bytes(&mut self, _: Kind, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

/// Passes bytes to the visitor, unless they are empty.
pub(crate) fn emit(visitor: &mut impl Visitor, kind: Kind, bytes: &Bytes<'_>) {
    if !bytes.is_empty() {
        visitor.bytes(kind, bytes);
    }
}
