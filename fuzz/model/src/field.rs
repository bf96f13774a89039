//! Field lines of headers and trailers, with their exact order, spelling and white space.

use memchr::memchr;

use crate::lines::{cut, cut_back_while, is_blank, line};
use crate::visit::emit;
use crate::{Bytes, Kind, Visit, Visitor};

/// Field line. A line without a colon has a name, but no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldLine<'a> {
    /// Name: everything before the colon except adjacent white space.
    pub name: Bytes<'a>,
    /// The colon, with white space before and after.
    pub colon: Bytes<'a>,
    /// The value, including line ends of obsolete folding.
    pub value: Bytes<'a>,
    /// White space after the value, and the line end.
    pub end: Bytes<'a>,
}

impl<'a> FieldLine<'a> {
    /// Creates a field line in the usual format.
    #[must_use]
    pub fn new(name: impl Into<Bytes<'a>>, value: impl Into<Bytes<'a>>) -> Self {
        let (colon, end) = (b": "[..].into(), b"\r\n"[..].into());
        Self { name: name.into(), colon, value: value.into(), end }
    }

    /// Whether the name matches, ignoring case.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// Parses the first line of `text` with its folded lines, and advances `text` past them.
    fn parse(text: &mut &'a [u8]) -> Self {
        let start = *text;
        let mut end = line(text).1.len();
        while end > 0 && text.first().is_some_and(|byte| is_blank(*byte)) {
            end = line(text).1.len();
        }
        let whole = &start[..start.len() - text.len()];
        let (mut rest, _) = whole.split_at(whole.len() - end);
        let (name, colon) = match memchr(b':', rest) {
            Some(at) => {
                let mut name = cut(&mut rest, at);
                cut_back_while(&mut name, is_blank);
                let blanks = rest[1..].iter().position(|byte| !is_blank(*byte)).unwrap_or(rest.len() - 1);
                cut(&mut rest, 1 + blanks);
                (name, &whole[name.len()..at + 1 + blanks])
            }
            None => (cut(&mut rest, whole.len()), &whole[..0]),
        };
        cut_back_while(&mut rest, is_blank);
        let end = &whole[name.len() + colon.len() + rest.len()..];
        Self { name: name.into(), colon: colon.into(), value: rest.into(), end: end.into() }
    }
}

impl Visit for FieldLine<'_> {
    fn visit(&self, visitor: &mut impl Visitor) {
        visitor.enter(Kind::Field);
        emit(visitor, Kind::Name, &self.name);
        emit(visitor, Kind::Colon, &self.colon);
        emit(visitor, Kind::Value, &self.value);
        emit(visitor, Kind::LineEnd, &self.end);
        visitor.leave();
    }
}

/// Header or trailer section: field lines and the empty line that ends them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldSection<'a> {
    /// The fields.
    pub fields: Vec<FieldLine<'a>>,
    /// The empty line; empty if the text ends before it.
    pub end: Bytes<'a>,
}

impl<'a> FieldSection<'a> {
    /// Parses the section at the front of `text` and advances `text` past it.
    pub(crate) fn parse(text: &mut &'a [u8]) -> Self {
        let mut fields = Vec::new();
        while !text.is_empty() {
            let blank = if text.starts_with(b"\r\n") { 2 } else { usize::from(text[0] == b'\n') };
            if blank > 0 {
                return Self { fields, end: cut(text, blank).into() };
            }
            fields.push(FieldLine::parse(text));
        }
        Self { fields, end: Bytes::default() }
    }

    /// Returns the values of all fields with this name.
    pub fn all(&self, name: &str) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.fields.iter().filter(move |field| field.is(name)).map(|field| field.value.as_ref())
    }
}

impl Visit for FieldSection<'_> {
    fn visit(&self, visitor: &mut impl Visitor) {
        for field in &self.fields {
            field.visit(visitor);
        }
        emit(visitor, Kind::SectionEnd, &self.end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> [String; 4] {
        let field = FieldLine::parse(&mut text.as_bytes());
        [field.name, field.colon, field.value, field.end].map(|b| String::from_utf8(b.into_owned()).unwrap())
    }

    #[test]
    fn white_space_is_preserved() {
        assert_eq!(pieces("A: b\r\n"), ["A", ": ", "b", "\r\n"]);
        assert_eq!(pieces("A \t:\t b c \r\n"), ["A", " \t:\t ", "b c", " \r\n"]);
        assert_eq!(pieces("A:\n"), ["A", ":", "", "\n"]);
        assert_eq!(pieces("A: \r\n"), ["A", ": ", "", "\r\n"]);
        assert_eq!(pieces("no colon\r\n"), ["no colon", "", "", "\r\n"]);
        assert_eq!(pieces("A: b"), ["A", ": ", "b", ""]);
    }

    #[test]
    fn folded_lines_belong_to_the_value() {
        assert_eq!(pieces("A: b\r\n c\n\td\r\nB: e\r\n"), ["A", ": ", "b\r\n c\n\td", "\r\n"]);
    }
}
