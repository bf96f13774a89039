//! `multipart/form-data` bodies (RFC 7578, over RFC 2046, section 5.1).

use crate::http::Headers;
use crate::http::syntax::{is_token, parameter, trim_ows};

/// Part of a body: one field of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The header section of the part.
    pub headers: Headers,
    /// The value.
    pub content: Vec<u8>,
}

impl Part {
    /// Returns a parameter of the part's Content-Disposition, such as `filename`, as text.
    pub fn disposition(&self, name: &str) -> Option<String> {
        let field = self.headers.first("Content-Disposition")?;
        let value = parameter(field, name)?;
        Some(String::from_utf8_lossy(&value).into_owned())
    }
}

/// Splits `body` at `boundary`; `None` unless it is complete up to the closing delimiter.
pub fn parse(body: &[u8], boundary: &[u8]) -> Option<Vec<Part>> {
    // RFC 2046 allows 1 to 70 characters.
    if !(1..=70).contains(&boundary.len()) {
        return None;
    }
    let delimiter = [b"--", boundary].concat();
    let mut rest = after_preamble(body, &delimiter)?;
    let between = [b"\r\n", &delimiter[..]].concat();
    let mut parts = Vec::new();
    while !rest.starts_with(b"--") {
        rest = strip_padding(rest)?;
        let end = find(rest, &between)?;
        parts.push(part(&rest[..end])?);
        rest = &rest[end + between.len()..];
    }
    Some(parts)
}

/// Returns the text after the first delimiter at the start of a line.
fn after_preamble<'a>(body: &'a [u8], delimiter: &[u8]) -> Option<&'a [u8]> {
    if let Some(rest) = body.strip_prefix(delimiter) {
        return Some(rest);
    }
    let line = [b"\r\n", delimiter].concat();
    find(body, &line).map(|start| &body[start + line.len()..])
}

/// Removes the rest of a delimiter line: optional white space and the line end.
fn strip_padding(text: &[u8]) -> Option<&[u8]> {
    let start = text.iter().position(|byte| !b" \t".contains(byte))?;
    text[start..].strip_prefix(b"\r\n")
}

fn part(text: &[u8]) -> Option<Part> {
    let mut headers = Headers::default();
    let mut rest = text;
    loop {
        let end = find(rest, b"\r\n")?;
        let line = &rest[..end];
        rest = &rest[end + 2..];
        if line.is_empty() {
            return Some(Part { headers, content: rest.to_vec() });
        }
        let colon = line.iter().position(|&byte| byte == b':')?;
        let name = std::str::from_utf8(&line[..colon]).ok()?;
        if !is_token(name.as_bytes()) {
            return None;
        }
        headers.push(name, trim_ows(&line[colon + 1..]));
    }
}

fn find(text: &[u8], pattern: &[u8]) -> Option<usize> {
    text.windows(pattern.len()).position(|window| window == pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name and content of each part.
    fn fields(body: &str) -> Option<Vec<(String, String)>> {
        let parts = parse(body.as_bytes(), b"x")?;
        let field = |part: &Part| {
            let content = String::from_utf8_lossy(&part.content).into_owned();
            (part.disposition("name").unwrap_or_default(), content)
        };
        Some(parts.iter().map(field).collect())
    }

    #[test]
    fn parts_have_names_and_contents() {
        let body = "preamble\r\n--x \t\r\nContent-Disposition: form-data; name=\"a b\"\r\n\r\n1\r\n2\
                    \r\n--x\r\ncontent-disposition: form-data; name=c; filename=\"f\"\r\n\
                    Content-Type: a/b\r\n\r\n\r\n--x--\r\nepilogue";
        let expected = [("a b", "1\r\n2"), ("c", "")];
        let owned = expected.map(|(name, content)| (name.to_owned(), content.to_owned()));
        assert_eq!(fields(body), Some(owned.to_vec()));
        let parts = parse(body.as_bytes(), b"x").unwrap();
        assert_eq!(parts[1].disposition("filename").as_deref(), Some("f"));
        assert_eq!(parts[0].disposition("filename"), None);
    }

    #[test]
    fn a_form_may_be_empty() {
        assert_eq!(fields("--x--"), Some(vec![]));
        assert_eq!(fields("--x\r\n\r\n\r\n--x--"), Some(vec![(String::new(), String::new())]));
    }

    #[test]
    fn truncated_bodies_are_refused() {
        let body = "--x\r\nA: b\r\n\r\ncontent\r\n--x--";
        assert!(fields(body).is_some());
        for end in 0..body.len() {
            assert_eq!(fields(&body[..end]), None, "cut at {end}");
        }
        assert_eq!(fields("--x\r\nno colon\r\n\r\n\r\n--x--"), None);
        assert_eq!(parse(b"----", b""), None);
    }
}
