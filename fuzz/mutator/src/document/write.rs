//! Writing of documents.

use super::format::Format;
use super::query::Query;
use super::tree::Tree;
use crate::random::Random;
use crate::value::{Encoding, Spelling};

/// Name of an element or a field without a name that its format allows.
const NAMELESS: &[u8] = b"item";

/// Inverse of the probability that a part is a file.
const FILE_ONE_IN: usize = 4;

/// Appends a document. The boundary is that of parts.
pub(crate) fn write(random: &mut Random, tree: &Tree, format: Format, boundary: &[u8], out: &mut Vec<u8>) {
    match format {
        Format::Json => json(tree, out),
        Format::Form => form(tree, out),
        Format::Multipart => multipart(random, tree, boundary, out),
        Format::Xml => {
            out.extend_from_slice(random.word(&["", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"]));
            let as_attributes = random.one_in(2);
            element(b"root", tree, as_attributes, out);
        }
        Format::GraphqlInJson => {
            let Query { text, variables } = Query::of(tree);
            out.extend_from_slice(b"{\"query\":");
            quoted(&text, out);
            out.extend_from_slice(b",\"variables\":");
            json(variables, out);
            out.push(b'}');
        }
        Format::Graphql => out.extend(Query::of(tree).text),
    }
}

fn quoted(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    Encoding::Json.encode(text, Spelling::Usual, out);
    out.push(b'"');
}

fn json(tree: &Tree, out: &mut Vec<u8>) {
    match tree {
        Tree::Word(word) => out.extend_from_slice(word),
        Tree::Text(text) => quoted(text, out),
        Tree::List(all) => {
            out.push(b'[');
            for (index, value) in all.iter().enumerate() {
                out.extend_from_slice(if index > 0 { b"," } else { b"" });
                json(value, out);
            }
            out.push(b']');
        }
        Tree::Object(members) => {
            out.push(b'{');
            for (index, (name, value)) in members.iter().enumerate() {
                out.extend_from_slice(if index > 0 { b"," } else { b"" });
                quoted(name, out);
                out.push(b':');
                json(value, out);
            }
            out.push(b'}');
        }
    }
}

fn form(tree: &Tree, out: &mut Vec<u8>) {
    for (index, (name, value)) in tree.fields().into_iter().enumerate() {
        out.extend_from_slice(if index > 0 { b"&" } else { b"" });
        for (text, after) in [(&name[..], &b"="[..]), (value, b"")] {
            // A plus sign would be read as a space, and the others divide fields.
            for part in text.split_inclusive(|byte| b"+&=;".contains(byte)) {
                let (last, before) = part.split_last().unwrap_or((&0, b""));
                let is_divider = b"+&=;".contains(last);
                let usual = if is_divider { before } else { part };
                Encoding::Percent.encode(usual, Spelling::Usual, out);
                if is_divider {
                    Encoding::Percent.encode(&[*last], Spelling::Whole, out);
                }
            }
            out.extend_from_slice(after);
        }
    }
}

fn multipart(random: &mut Random, tree: &Tree, boundary: &[u8], out: &mut Vec<u8>) {
    for (name, value) in tree.fields() {
        let name = if name.is_empty() { NAMELESS } else { &name };
        let is_allowed = |byte: &&u8| !b"\"\r\n".contains(byte);
        let name: Vec<_> = name.iter().filter(is_allowed).copied().collect();
        let file: &[u8] = match random.one_in(FILE_ONE_IN) {
            true => b"; filename=\"a.txt\"\r\nContent-Type: text/plain",
            false => b"",
        };
        let head = b"\r\nContent-Disposition: form-data; name=\"";
        out.extend([b"--", boundary, head, &name, b"\"", file, b"\r\n\r\n", value, b"\r\n"].concat());
    }
    out.extend([b"--", boundary, b"--\r\n"].concat());
}

/// Writes an element. Members without members of their own are elements, too, or attributes.
fn element(name: &[u8], tree: &Tree, as_attributes: bool, out: &mut Vec<u8>) {
    let name = xml_name(name);
    let escape = |text: &[u8], out: &mut Vec<u8>| Encoding::Xml.encode(text, Spelling::Usual, out);
    let inner: Vec<(&[u8], &Tree)> = match tree {
        Tree::Word(_) | Tree::Text(_) => Vec::new(),
        Tree::List(all) => all.iter().map(|value| (NAMELESS, value)).collect(),
        Tree::Object(members) => members.iter().map(|(name, value)| (&name[..], value)).collect(),
    };
    let has_attributes = as_attributes && matches!(tree, Tree::Object(_));
    let is_attribute = |tree: &Tree| has_attributes && matches!(tree, Tree::Word(_) | Tree::Text(_));
    out.extend([b"<", name].concat());
    for (member, value) in inner.iter().filter(|(_, value)| is_attribute(value)) {
        if let Tree::Word(text) | Tree::Text(text) = value {
            out.extend([b" ", xml_name(member), b"=\""].concat());
            escape(text, out);
            out.push(b'"');
        }
    }
    out.push(b'>');
    if let Tree::Word(text) | Tree::Text(text) = tree {
        escape(text, out);
    }
    for (member, value) in inner.iter().filter(|(_, value)| !is_attribute(value)) {
        match value {
            // A list is an element for each of its values.
            Tree::List(all) => all.iter().for_each(|value| element(member, value, as_attributes, out)),
            _ => element(member, value, as_attributes, out),
        }
    }
    out.extend([b"</", name, b">"].concat());
}

/// Returns the name, or another one if XML does not allow it.
fn xml_name(name: &[u8]) -> &[u8] {
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(byte) || *byte >= 0x80;
    let begins = name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    if begins && name.iter().all(is_allowed) { name } else { NAMELESS }
}

#[cfg(test)]
mod tests {
    use super::super::read::read;
    use super::*;

    fn converted(text: &str, to: Format) -> String {
        let (mut random, mut out) = (Random::new(7), Vec::new());
        let tree = read(Format::of(text.as_bytes()), text.as_bytes());
        write(&mut random, &tree, to, b"x", &mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn documents_are_converted() {
        let json = r#"{"a":1,"b":{"c":"d&é+"},"e":[true,"f"]}"#;
        assert_eq!(converted(json, Format::Json), json);
        let form = converted(json, Format::Form);
        assert_eq!(form, "a=1&b%5Bc%5D=d%26%C3%A9%2B&e%5B%5D=true&e%5B%5D=f");
        assert_eq!(converted(&form, Format::Json), r#"{"a":1,"b[c]":"d&é+","e":[true,"f"]}"#);
        let xml = "<r><a>1</a><b c='d&amp;'><![CDATA[<]]></b><e>true</e><e>f</e></r>";
        assert_eq!(converted(xml, Format::Json), r#"{"a":1,"b":{"c":"d&","text":"<"},"e":[true,"f"]}"#);
        let parts = converted(r#"{"a":"b"}"#, Format::Multipart);
        assert!(parts.starts_with("--x\r\nContent-Disposition: form-data; name=\"a\""), "{parts}");
        assert!(parts.ends_with("\r\n\r\nb\r\n--x--\r\n"), "{parts}");
    }

    #[test]
    fn xml_is_read_as_it_was_written() {
        let json = r#"{"a":1,"b":{"c":"<d>"},"e":[true,"f"]}"#;
        for seed in 0..20 {
            let (mut random, mut out) = (Random::new(seed), Vec::new());
            write(&mut random, &read(Format::Json, json.as_bytes()), Format::Xml, b"", &mut out);
            let mut again = Vec::new();
            write(&mut random, &read(Format::Xml, &out), Format::Json, b"", &mut again);
            assert_eq!(String::from_utf8(again).expect("UTF-8"), json, "{}", String::from_utf8_lossy(&out));
        }
    }

    #[test]
    fn graphql_documents_take_members_as_variables() {
        let query = "query($a: Int $b: String) { data(a: $a b: $b) { id } }";
        let members = r#"{"a":1,"b":"c"}"#;
        assert_eq!(converted(members, Format::Graphql), query);
        let request = format!(r#"{{"query":"{query}","variables":{members}}}"#);
        assert_eq!(converted(members, Format::GraphqlInJson), request);
        assert_eq!(converted(&request, Format::Graphql), query);
        assert_eq!(converted(&request, Format::GraphqlInJson), request);
        assert_eq!(converted("{ a }", Format::Json), r#"{"query":"{ a }"}"#);
    }
}
