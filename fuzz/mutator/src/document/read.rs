//! Reading of documents. Any bytes are a document in any format.

use std::ops::Range;

use sockfuzz_model::{DocumentOutline, JsonKind, JsonOutline, XmlKind};

use super::format::Format;
use super::tree::{MAX_MEMBERS, Tree};
use crate::value::Encoding;

/// Depth below which what is nested is read as a text.
const MAX_DEPTH: usize = 32;

/// Reads a document. One in parts is read as its parts are: see [`part_name`].
pub(crate) fn read(format: Format, text: &[u8]) -> Tree {
    match format {
        Format::Json | Format::GraphqlInJson => {
            let outline = JsonOutline::parse(text);
            let first = (!outline.spans().is_empty()).then(|| json(text, &outline, 0, MAX_DEPTH));
            first.unwrap_or_else(|| Tree::Text(text.to_vec()))
        }
        Format::Xml => {
            let outline = DocumentOutline::<XmlKind>::parse(text);
            let root = outline.spans().iter().position(|span| span.kind == XmlKind::Element);
            root.map_or_else(|| Tree::Text(text.to_vec()), |root| element(text, &outline, root, MAX_DEPTH))
        }
        Format::Graphql => Tree::Object(vec![(b"query".to_vec(), Tree::Text(text.to_vec()))]),
        Format::Form | Format::Multipart => form(text),
    }
}

fn json(text: &[u8], outline: &JsonOutline, index: usize, depth: usize) -> Tree {
    let span = outline.spans()[index];
    let own = &text[span.range()];
    let children = || outline.outermost(outline.inside(index));
    match span.kind {
        JsonKind::Number | JsonKind::Literal => Tree::Word(own.to_vec()),
        JsonKind::Key | JsonKind::String => Tree::Text(json_text(own)),
        JsonKind::Array if depth > 0 => {
            Tree::List(children().map(|child| json(text, outline, child, depth - 1)).collect())
        }
        JsonKind::Object if depth > 0 => {
            let (mut members, mut name) = (Vec::new(), Vec::new());
            for child in children() {
                match outline.spans()[child] {
                    key if key.kind == JsonKind::Key => name = json_text(&text[key.range()]),
                    _ => members.push((std::mem::take(&mut name), json(text, outline, child, depth - 1))),
                }
            }
            Tree::Object(members)
        }
        JsonKind::Object | JsonKind::Array => Tree::Text(own.to_vec()),
    }
}

/// Returns the value of a string with its quotes, of which the last may be missing.
fn json_text(string: &[u8]) -> Vec<u8> {
    let inside = string.strip_prefix(b"\"").unwrap_or(string);
    let mut text = Vec::new();
    Encoding::Json.decode(inside.strip_suffix(b"\"").unwrap_or(inside), &mut text);
    text
}

/// Reads an element: its attributes and the elements inside it are members, and its text is a member if there are others.
fn element(text: &[u8], outline: &DocumentOutline<XmlKind>, index: usize, depth: usize) -> Tree {
    let spans = outline.spans();
    if depth == 0 {
        return Tree::Text(text[spans[index].range()].to_vec());
    }
    let (mut members, mut content) = (Vec::new(), Vec::new());
    for child in outline.outermost(outline.inside(index)) {
        let own = &text[spans[child].range()];
        match spans[child].kind {
            XmlKind::StartTag => attributes(text, outline, outline.inside(child), &mut members),
            XmlKind::Element => {
                let named = outline.inside(child).find(|it| spans[*it].kind == XmlKind::Name);
                let name = named.map_or(Vec::new(), |it| text[spans[it].range()].to_vec());
                Tree::add(&mut members, name, element(text, outline, child, depth - 1));
            }
            XmlKind::Text => Encoding::Xml.decode(own.trim_ascii(), &mut content),
            XmlKind::CData => {
                let inside = own.strip_prefix(b"<![CDATA[").unwrap_or(own);
                content.extend_from_slice(inside.strip_suffix(b"]]>").unwrap_or(inside));
            }
            _ => {}
        }
    }
    if members.is_empty() {
        return Tree::scalar(content);
    }
    if !content.is_empty() {
        members.push((b"text".to_vec(), Tree::scalar(content)));
    }
    Tree::Object(members)
}

/// Adds the attributes among these elements, but not the declarations of namespaces.
fn attributes(
    text: &[u8],
    outline: &DocumentOutline<XmlKind>,
    inside: Range<usize>,
    members: &mut Vec<(Vec<u8>, Tree)>,
) {
    let spans = outline.spans();
    for index in inside.filter(|index| spans[*index].kind == XmlKind::Attribute) {
        let own = &text[spans[index].range()];
        let name = own.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii_end();
        let mut value = Vec::new();
        for place in outline.inside(index) {
            Encoding::Xml.decode(&text[spans[place].range()], &mut value);
        }
        if !name.starts_with(b"xmlns") {
            Tree::add(members, name.to_vec(), Tree::scalar(value));
        }
    }
}

fn form(text: &[u8]) -> Tree {
    let mut members = Vec::new();
    for field in text.split(|byte| *byte == b'&').filter(|field| !field.is_empty()).take(MAX_MEMBERS) {
        let at = memchr::memchr(b'=', field).unwrap_or(field.len());
        let decoded = |written: &[u8]| {
            let spaced: Vec<_> =
                written.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
            let mut value = Vec::new();
            Encoding::Percent.decode(&spaced, &mut value);
            value
        };
        let (name, value) = (decoded(&field[..at]), decoded(field.get(at + 1..).unwrap_or_default()));
        let name = name.strip_suffix(b"[]").unwrap_or(&name).to_vec();
        Tree::add(&mut members, name, Tree::scalar(value));
    }
    Tree::Object(members)
}

/// Returns the name of a part, from the value of its Content-Disposition.
pub(crate) fn part_name(disposition: &[u8]) -> Option<&[u8]> {
    let parameters = disposition.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let name = parameters.filter_map(|it| it.strip_prefix(b"name=")).next()?;
    let inside = name.strip_prefix(b"\"").unwrap_or(name);
    Some(inside.strip_suffix(b"\"").unwrap_or(inside))
}
