//! Operations on XML in bodies: elements, attributes, entities, CDATA sections, namespaces.

use std::fmt::Write;
use std::ops::Range;

use sockfuzz_model::XmlKind;

use super::Mutation;
use super::located::{Located, nesting_levels};
use crate::edits::Region;

/// XML text in an input.
type Xml = Located<XmlKind>;

/// Largest number of copies of an attribute.
const MANY_ATTRIBUTES: usize = 64;

/// Attributes: of namespaces and schemas, doubled, with references, and not well-formed.
#[rustfmt::skip]
const ATTRIBUTES: &[&str] = &[
    " a=\"b\"", " id=\"a\" id=\"b\"", " xmlns=\"urn:x\"", " xmlns=\"\"", " xmlns:x=\"urn:x\"", " xmlns:x=\"\"", " xmlns:xml=\"urn:x\"",
    " xmlns:xmlns=\"a\"", " xml:lang=\"x\"", " xml:space=\"preserve\"", " xml:base=\"../a\"", " x:a=\"b\"",
    " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:nil=\"true\"", " xsi:type=\"xs:int\"", " a='<'", " a=\"&x;\"",
    " a=\"&#0;\"", " a=\"\n\t\"", " a=b", " a", " a=", " =\"b\"", " a=\"b", "a=\"b\"", " \u{fc}=\"\u{20ac}\"", " 1=\"a\"",
];

/// Content of elements: references, sections, comments and instructions, valid or not.
#[rustfmt::skip]
const CONTENTS: &[&str] = &[
    "", "a", " ", "&amp;", "&lt;", "&#65;", "&#x41;", "&#0;", "&#xd800;", "&#x10ffff;", "&#x110000;", "&#99999999999;", "&#;", "&;",
    "&x", "&x;", "&", "<", "]]>", "<![CDATA[]]>", "<![CDATA[<a>&]]>", "<![CDATA[a]]]]><![CDATA[>b]]>", "<![CDATA[", "<!---->",
    "<!-- a -- b -->", "<!--", "<?a b?>", "<?xml version=\"1.0\"?>", "<?xml version=\"9.9\" encoding=\"utf-16\"?>", "<?a", "\u{20ac}",
    "\u{fffe}", "\u{85}", "\0", "1e400", "-1", "true", "2024-02-29",
];

/// Declarations in a document type, and a reference that uses them. The last ones are recursive or refer to files.
#[rustfmt::skip]
const DECLARATIONS: &[(&str, &str)] = &[
    ("<!ENTITY x \"y\">", "&x;"),
    ("<!ENTITY x \"<a>b</a>\">", "&x;"),
    ("<!ENTITY x \"<a>\">", "&x;"),
    ("<!ENTITY x \"&#38;lt;\">", "&x;"),
    ("<!ENTITY x \"1\"><!ENTITY x \"2\">", "&x;"),
    ("<!ENTITY lt \"&#38;#60;\">", "&lt;"),
    ("<!ENTITY % p \"<!ENTITY x 'y'>\">%p;", "&x;"),
    ("<!ATTLIST a b CDATA \"c\" d ID #IMPLIED>", "<a/>"),
    ("<!ELEMENT a (b|(c,d)*)+>", "<a><b/></a>"),
    ("<!NOTATION n SYSTEM \"n\"><!ENTITY x SYSTEM \"a\" NDATA n>", "&x;"),
    ("<!ENTITY x \"&x;\">", "&x;"),
    ("<!ENTITY x \"&y;\"><!ENTITY y \"&x;\">", "&x;"),
    ("<!ENTITY x SYSTEM \"file:///dev/null\">", "&x;"),
    ("<!ENTITY % p SYSTEM \"file:///dev/null\">%p;", ""),
    ("", "&undeclared;"),
];

/// Drops an element, doubles it, or moves it into another one.
pub(super) fn element(mutation: &mut Mutation<'_>) -> bool {
    let Some(xml) = Xml::random(mutation.random, mutation.parent) else { return false };
    let is_element = |kind| kind == XmlKind::Element;
    let (Some(one), Some(other)) =
        (xml.pick(mutation.random, is_element), xml.pick(mutation.random, is_element))
    else {
        return false;
    };
    let (range, into) = (xml.range(one), xml.range(xml.start_tag(other)));
    match mutation.random.below(4) {
        0 => mutation.edits.replace(range, b"", Region::Body),
        1 => mutation.edits.copy_from_parent(range.end..range.end, range, Region::Body),
        _ => mutation.edits.copy_from_parent(into.end..into.end, range, Region::Body),
    }
}

/// Nests an element in elements like it, once or many times.
pub(super) fn nest_element(mutation: &mut Mutation<'_>) -> bool {
    let Some(xml) = Xml::random(mutation.random, mutation.parent) else { return false };
    let Some(index) = xml.pick(mutation.random, |kind| kind == XmlKind::Element) else { return false };
    let (range, tag) = (xml.range(index), xml.start_tag(index));
    let Some(name) = xml.name_in(tag) else { return false };
    let is_whole = mutation.random.one_in(2);
    let tag = mutation.bytes(xml.range(tag));
    let open = match tag.strip_suffix(b">").filter(|_| is_whole) {
        Some(tag) => [tag.strip_suffix(b"/").unwrap_or(tag), b">"].concat(),
        None => [b"<", mutation.bytes(name.clone()), b">"].concat(),
    };
    let close = [b"</", mutation.bytes(name), b">"].concat();
    let levels = nesting_levels(mutation.random, open.len() + close.len());
    mutation.edits.replace(range.start..range.start, &open.repeat(levels), Region::Body)
        && mutation.edits.replace(range.end..range.end, &close.repeat(levels), Region::Body)
}

/// Adds an attribute, doubles one, once or many times, or drops one.
pub(super) fn attribute(mutation: &mut Mutation<'_>) -> bool {
    let Some(xml) = Xml::random(mutation.random, mutation.parent) else { return false };
    let own = xml.pick(mutation.random, |kind| kind == XmlKind::Attribute).map(|own| xml.range(own));
    match (mutation.random.below(4), own) {
        (0, Some(own)) => mutation.edits.replace(own, b"", Region::Body),
        (1, Some(own)) => {
            let count = if mutation.random.one_in(8) { MANY_ATTRIBUTES } else { 1 };
            let copies = [b" ", mutation.bytes(own.clone())].concat().repeat(count);
            mutation.edits.replace(own.end..own.end, &copies, Region::Body)
        }
        _ => {
            let Some(tag) = xml.pick(mutation.random, |kind| kind == XmlKind::StartTag) else { return false };
            let Some(name) = xml.name_in(tag) else { return false };
            let word = mutation.random.word(ATTRIBUTES);
            mutation.edits.replace(name.end..name.end, word, Region::Body)
        }
    }
}

/// Replaces a text, or adds one, or puts it into a CDATA section.
pub(super) fn character_data(mutation: &mut Mutation<'_>) -> bool {
    let Some(xml) = Xml::random(mutation.random, mutation.parent) else { return false };
    let is_text = |kind| matches!(kind, XmlKind::Text | XmlKind::CData | XmlKind::Value | XmlKind::StartTag);
    let Some(index) = xml.pick(mutation.random, is_text) else { return false };
    let range = xml.range(index);
    let word = mutation.random.word(CONTENTS);
    match xml.kind(index) {
        XmlKind::Text if mutation.random.one_in(4) => {
            mutation.edits.replace(range.start..range.start, b"<![CDATA[", Region::Body)
                && mutation.edits.replace(range.end..range.end, b"]]>", Region::Body)
        }
        XmlKind::StartTag => mutation.edits.replace(range.end..range.end, word, Region::Body),
        _ if mutation.random.one_in(3) => mutation.edits.replace(range.end..range.end, word, Region::Body),
        _ => mutation.edits.replace(range, word, Region::Body),
    }
}

/// Declares entities, and uses them. Some contain others several times, so that a short text stands for a longer one.
pub(super) fn entity(mutation: &mut Mutation<'_>) -> bool {
    let Some(xml) = Xml::random(mutation.random, mutation.parent) else { return false };
    let spans = xml.outline.spans();
    let Some(root) = spans.iter().position(|span| span.kind == XmlKind::Element) else { return false };
    let Some(tag) = xml.pick(mutation.random, |kind| kind == XmlKind::StartTag) else { return false };
    let (declarations, reference) = match mutation.random.one_in(2) {
        true => nested_entities(mutation),
        false => {
            let (declarations, reference) = mutation.random.pick(DECLARATIONS).unwrap_or_default();
            (declarations.to_owned(), reference.to_owned())
        }
    };
    let name = xml.name_in(xml.start_tag(root)).map_or(&b"a"[..], |name| mutation.bytes(name));
    let doctype = [b"<!DOCTYPE ", name, b" [", declarations.as_bytes(), b"]>"].concat();
    let place = match spans.iter().position(|span| span.kind == XmlKind::Doctype) {
        Some(earlier) => xml.range(earlier),
        None => xml.range(root).start..xml.range(root).start,
    };
    let value =
        xml.pick(mutation.random, |kind| kind == XmlKind::Value).filter(|_| mutation.random.one_in(4));
    let at = value.map_or(xml.range(tag).end, |value| xml.range(value).end);
    mutation.edits.replace(place, &doctype, Region::Body)
        && (reference.is_empty() || mutation.edits.replace(at..at, reference.as_bytes(), Region::Body))
}

/// Returns the declarations of entities that contain each other, and a reference to the outermost. It stands for at most 4096
/// letters.
fn nested_entities(mutation: &mut Mutation<'_>) -> (String, String) {
    let (levels, copies) = (mutation.random.within(1..7), mutation.random.within(1..5));
    let mut declarations = "<!ENTITY e0 \"a\">".to_owned();
    for level in 1..=levels {
        let inner = format!("&e{};", level - 1).repeat(copies);
        let _ = write!(declarations, "<!ENTITY e{level} \"{inner}\">");
    }
    (declarations, format!("&e{levels};"))
}

/// Puts the name of an element into a namespace, which is mostly declared, or drops the prefix of a name.
pub(super) fn namespace(mutation: &mut Mutation<'_>) -> bool {
    let Some(xml) = Xml::random(mutation.random, mutation.parent) else { return false };
    let Some(index) = xml.pick(mutation.random, |kind| kind == XmlKind::Element) else { return false };
    let Some(name) = xml.name_in(xml.start_tag(index)) else { return false };
    let end_tag =
        xml.outline.outermost(xml.outline.inside(index)).find(|it| xml.kind(*it) == XmlKind::EndTag);
    let names = [Some(name.clone()), end_tag.and_then(|tag| xml.name_in(tag))];
    let has_prefix = memchr::memchr(b':', mutation.bytes(name.clone())).is_some();
    for name in names.into_iter().flatten() {
        let prefix = memchr::memchr(b':', mutation.bytes(name.clone())).map_or(0, |at| at + 1);
        let word: &[u8] = if has_prefix { b"" } else { b"x:" };
        if !mutation.edits.replace(name.start..name.start + prefix, word, Region::Body) {
            return false;
        }
    }
    if !has_prefix && !mutation.random.one_in(4) {
        mutation.edits.replace(name.end..name.end, b" xmlns:x=\"urn:x\"", Region::Body);
    }
    true
}

/// Puts an element of the other input into an element, or in its place.
pub(super) fn take_element(mutation: &mut Mutation<'_>) -> bool {
    let (Some(ours), Some(theirs)) =
        (Xml::random(mutation.random, mutation.parent), Xml::random(mutation.random, mutation.other))
    else {
        return false;
    };
    let is_element = |kind| kind == XmlKind::Element;
    let (Some(one), Some(other)) =
        (ours.pick(mutation.random, is_element), theirs.pick(mutation.random, is_element))
    else {
        return false;
    };
    let inside = ours.range(ours.start_tag(one)).end;
    let place = if mutation.random.one_in(2) { ours.range(one) } else { inside..inside };
    mutation.edits.copy_from_other(place, theirs.range(other), Region::Body)
}

impl Xml {
    /// Returns the index of the start tag of an element, which is its first part.
    fn start_tag(&self, element: usize) -> usize {
        element + 1
    }

    /// Returns the range of the name in a tag.
    fn name_in(&self, tag: usize) -> Option<Range<usize>> {
        let name = self.outline.inside(tag).next().filter(|index| self.kind(*index) == XmlKind::Name)?;
        Some(self.range(name))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_bodies_have, request, results};
    use super::*;

    fn mutated(edit: fn(&mut Mutation<'_>) -> bool) -> Vec<String> {
        let message = |body| request("Content-Type: text/xml\r\n", body);
        results(edit, &message("<a b='c'><d>e</d></a>"), &message("<f><g/></f>"))
    }

    #[test]
    fn elements_are_dropped_doubled_and_moved() {
        assert_bodies_have(
            &mutated(element),
            &[
                "<a b='c'></a>",
                "<d>e</d><d>e</d>",
                "<d><d>e</d>e</d>",
                "<a b='c'><a b='c'><d>e</d></a><d>e</d></a>",
            ],
        );
        assert_bodies_have(&mutated(take_element), &["<a b='c'><g/><d>", "<a b='c'><f><g/></f></a>"]);
    }

    #[test]
    fn elements_are_nested() {
        let nested = mutated(nest_element);
        assert_bodies_have(&nested, &["<a b='c'><d><d>e</d></d></a>", "<a b='c'><a b='c'><d>e</d></a></a>"]);
        let levels = nested.iter().map(|it| it.matches("<d>").count()).max();
        assert!(levels > Some(2000), "{levels:?}");
    }

    #[test]
    fn attributes_are_added_and_doubled() {
        assert_bodies_have(
            &mutated(attribute),
            &["<a b='c' b='c'>", "<a >", "<d xmlns=\"\">", "<a id=\"a\" id=\"b\" b='c'>", "<d a='<'>"],
        );
    }

    #[test]
    fn text_and_sections_are_replaced() {
        assert_bodies_have(
            &mutated(character_data),
            &[
                "<d><![CDATA[e]]></d>",
                "<d>&#x110000;</d>",
                "<d><!-- a -- b -->e</d>",
                "<a b='&lt;'>",
                "<d>e]]></d>",
            ],
        );
    }

    #[test]
    fn entities_are_declared_and_used() {
        let declared = mutated(entity);
        assert_bodies_have(
            &declared,
            &[
                "<!DOCTYPE a [<!ENTITY x \"&x;\">]><a b='c'>&x;<d>",
                "<!ENTITY e0 \"a\"><!ENTITY e1 \"&e0;&e0;\">",
                "<a b='c&x;'>",
                "<d>&e6;e</d>",
                "%p;",
            ],
        );
        assert!(declared.iter().all(|it| it.len() < 1000), "short");
    }

    #[test]
    fn names_come_into_namespaces() {
        assert_bodies_have(
            &mutated(namespace),
            &["<x:a xmlns:x=\"urn:x\" b='c'><d>e</d></x:a>", "<x:d>e</x:d>"],
        );
        let prefixed = results(namespace, &request("", "<p:a></p:a>"), "");
        assert_bodies_have(&prefixed, &["<a></a>"]);
    }
}
