//! XML texts (Extensible Markup Language 1.0).

use std::ops::Range;

use memchr::{memchr, memmem};

use crate::document::{DocumentBuilder, DocumentKind, DocumentSpan};

/// Kind of an element of an XML text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum XmlKind {
    /// An element from its start tag to its end tag, both included.
    Element,
    /// A start tag, or the tag of an empty element.
    StartTag,
    /// The name in a tag.
    Name,
    /// An attribute, with its name and the quotes.
    Attribute,
    /// The value of an attribute, without the quotes. An empty value has none.
    Value,
    /// An end tag.
    EndTag,
    /// Character data, with references.
    Text,
    /// A CDATA section.
    CData,
    /// A comment.
    Comment,
    /// A processing instruction, or the XML declaration.
    Instruction,
    /// A declaration of the document type, with its internal subset.
    Doctype,
}

impl DocumentKind for XmlKind {
    /// An end tag ends the innermost element that is open, whatever its name is. Markup without an end extends to the end of the
    /// text, and so does an element without an end tag.
    fn elements(text: &[u8]) -> Vec<DocumentSpan<Self>> {
        let mut builder = DocumentBuilder::new();
        let mut open = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            let (kind, len) = markup(rest);
            let range = at..at + len;
            at = range.end;
            match kind {
                Self::StartTag => {
                    let element = builder.add(Self::Element, range.start..text.len());
                    builder.add(kind, range.clone());
                    start_tag(&mut builder, text, &range);
                    match text[range.clone()].ends_with(b"/>") {
                        true => builder.end(element, range.end),
                        false => open.push(element),
                    }
                }
                Self::EndTag => {
                    builder.add(kind, range.clone());
                    let name = name_after(text, range.start + 2, range.end);
                    if !name.is_empty() {
                        builder.add(Self::Name, name);
                    }
                    if let Some(element) = open.pop() {
                        builder.end(element, range.end);
                    }
                }
                _ => drop(builder.add(kind, range)),
            }
        }
        builder.finish()
    }
}

/// Returns the kind and the length of what is at the front.
fn markup(text: &[u8]) -> (XmlKind, usize) {
    let up_to = |end: &[u8]| memmem::find(text, end).map_or(text.len(), |at| at + end.len());
    match text {
        [b'<', b'!', b'-', b'-', ..] => (XmlKind::Comment, up_to(b"-->")),
        [b'<', b'!', b'[', ..] => (XmlKind::CData, up_to(b"]]>")),
        [b'<', b'!', ..] => (XmlKind::Doctype, tag_len(text)),
        [b'<', b'?', ..] => (XmlKind::Instruction, up_to(b"?>")),
        [b'<', b'/', ..] => (XmlKind::EndTag, tag_len(text)),
        [b'<', ..] => (XmlKind::StartTag, tag_len(text)),
        _ => (XmlKind::Text, memchr(b'<', text).unwrap_or(text.len())),
    }
}

/// Returns the length of a tag or a declaration: up to `>` outside of quotes and brackets.
fn tag_len(text: &[u8]) -> usize {
    let mut quote = None;
    let mut depth = 0usize;
    for (at, &byte) in text.iter().enumerate() {
        match (quote, byte) {
            (Some(open), byte) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'[') => depth += 1,
            (None, b']') => depth = depth.saturating_sub(1),
            (None, b'>') if depth == 0 => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Adds the name and the attributes of a start tag.
fn start_tag(builder: &mut DocumentBuilder<XmlKind>, text: &[u8], tag: &Range<usize>) {
    let name = name_after(text, tag.start + 1, tag.end);
    let mut at = name.end;
    if !name.is_empty() {
        builder.add(XmlKind::Name, name);
    }
    while at < tag.end {
        let attribute = name_after(text, at, tag.end);
        if attribute.is_empty() {
            at += 1;
            continue;
        }
        at = attribute.end;
        let skip_space =
            |from: usize| from + text[from..tag.end].iter().take_while(|it| it.is_ascii_whitespace()).count();
        let sign = skip_space(at);
        if text[sign..tag.end].first() != Some(&b'=') {
            builder.add(XmlKind::Attribute, attribute);
            continue;
        }
        let from = skip_space(sign + 1);
        let value = match text[from..tag.end].first() {
            Some(quote @ (b'"' | b'\'')) => {
                let end = memchr(*quote, &text[from + 1..tag.end]).map_or(tag.end, |len| from + 1 + len);
                at = (end + 1).min(tag.end);
                from + 1..end
            }
            _ => {
                at = name_after(text, from, tag.end).end;
                from..at
            }
        };
        builder.add(XmlKind::Attribute, attribute.start..at);
        if !value.is_empty() {
            builder.add(XmlKind::Value, value);
        }
    }
}

/// Returns the range of the name at `from`, which may be empty.
fn name_after(text: &[u8], from: usize, end: usize) -> Range<usize> {
    let ends = |byte: &u8| byte.is_ascii_whitespace() || b"/>=\"'<".contains(byte);
    let from = from.min(end);
    let len = text[from..end].iter().position(ends).unwrap_or(end - from);
    from..from + len
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::document::tests::{assert_nested, elements};

    #[test]
    fn elements_are_found() {
        use XmlKind::{
            Attribute, CData, Comment, Doctype, Element, EndTag, Instruction, Name, StartTag, Text, Value,
        };
        let text = "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY x \"]>\">]><p:a b=\"c>\" d = e f=''>&x;<g/><![CDATA[<h>]]></p:a><!-- <i> -->";
        let element = "<p:a b=\"c>\" d = e f=''>&x;<g/><![CDATA[<h>]]></p:a>";
        let found = [
            (Instruction, "<?xml version='1.0'?>"),
            (Doctype, "<!DOCTYPE a [<!ENTITY x \"]>\">]>"),
            (Element, element),
            (StartTag, "<p:a b=\"c>\" d = e f=''>"),
            (Name, "p:a"),
            (Attribute, "b=\"c>\""),
            (Value, "c>"),
            (Attribute, "d = e"),
            (Value, "e"),
            (Attribute, "f=''"),
            (Text, "&x;"),
            (Element, "<g/>"),
            (StartTag, "<g/>"),
            (Name, "g"),
            (CData, "<![CDATA[<h>]]>"),
            (EndTag, "</p:a>"),
            (Name, "p:a"),
            (Comment, "<!-- <i> -->"),
        ];
        assert_eq!(elements(text), found);
    }

    #[test]
    fn what_has_no_end_extends_to_the_end() {
        use XmlKind::{Element, EndTag, Name, StartTag, Text};
        assert_eq!(
            elements("<a>b</c>"),
            [
                (Element, "<a>b</c>"),
                (StartTag, "<a>"),
                (Name, "a"),
                (Text, "b"),
                (EndTag, "</c>"),
                (Name, "c")
            ]
        );
        assert_eq!(elements("<a "), [(Element, "<a "), (StartTag, "<a "), (Name, "a")]);
        assert_eq!(elements("x</>"), [(Text, "x"), (EndTag, "</>")]);
    }

    proptest! {
        #[test]
        fn any_text_is_parsed(text in prop_oneof![any::<Vec<u8>>(), "[<>/!?\\[\\]\"'=a \\-&;]{0,40}".prop_map(String::into_bytes)]) {
            assert_nested::<XmlKind>(&text);
        }
    }
}
