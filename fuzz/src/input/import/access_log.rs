//! Access logs in the common and the combined format, as Apache httpd, nginx and many others write them.

use std::collections::BTreeSet;

use super::imported::ImportResult;
use super::request::RequestPieces;
use crate::input::corpus::Seed;

/// Number of lines that decide whether a file is a log.
const DECIDING_LINES: usize = 16;

/// Whether most of the first lines have the format.
pub(super) fn is_log(file: &Seed) -> bool {
    let Ok(text) = std::str::from_utf8(&file.bytes) else { return false };
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).take(DECIDING_LINES).collect();
    lines.iter().filter(|line| request(line).is_some()).count() * 2 > lines.len()
}

/// Reads each distinct request of a log. A log has neither bodies nor most fields.
pub(super) fn read(file: &Seed) -> ImportResult {
    let mut result = ImportResult::default();
    let mut known = BTreeSet::new();
    for line in String::from_utf8_lossy(&file.bytes).lines().filter(|line| !line.is_empty()) {
        match request(line) {
            Some(request) => {
                if known.insert((request.method.clone(), request.target.clone())) {
                    let made_from = format!("{} {}", request.method, request.target);
                    result.inputs.push(request.into_input(made_from));
                }
            }
            None => result.skipped.push(format!("no request: {line}")),
        }
    }
    result
}

/// Parses `host ident user [time] "request" status size`, with `"referer" "user-agent"` in the combined format.
fn request(line: &str) -> Option<RequestPieces> {
    let (_, rest) = line.split_once("] \"")?;
    let (request, rest) = quoted(rest)?;
    let mut words = request.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    let status = rest.trim_start().get(..3)?;
    let is_request = method.bytes().all(|byte| byte.is_ascii_uppercase())
        && target.starts_with('/')
        && version.starts_with("HTTP/")
        && status.bytes().all(|byte| byte.is_ascii_digit());
    if !is_request {
        return None;
    }
    let mut fields = Vec::new();
    let mut rest = rest;
    for name in ["Referer", "User-Agent"] {
        let Some((value, after)) = rest.split_once('"').and_then(|(_, after)| quoted(after)) else { break };
        if value != "-" {
            fields.push((name.to_owned(), value));
        }
        rest = after;
    }
    let (method, target) = (method.to_owned(), target.to_owned());
    Some(RequestPieces { method, target, authority: "localhost".to_owned(), fields, body: None })
}

/// Splits the text at the quote that ends a string, and resolves the escapes in the string: `\"`, `\\`, and `\x` with
/// two digits.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = Vec::new();
    let mut rest = text;
    loop {
        let at = rest.find(['"', '\\'])?;
        value.extend_from_slice(&rest.as_bytes()[..at]);
        if rest[at..].starts_with('"') {
            return Some((String::from_utf8_lossy(&value).into_owned(), &rest[at + 1..]));
        }
        let escaped = &rest[at + 1..];
        let byte = escaped.strip_prefix('x').and_then(|digits| u8::from_str_radix(digits.get(..2)?, 16).ok());
        let character = escaped.chars().next()?;
        let len = match byte {
            Some(byte) => {
                value.push(byte);
                3
            }
            None => {
                value.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                character.len_utf8()
            }
        };
        rest = &escaped[len..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_both_formats_are_parsed() {
        let common = r#"127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET /a?b=\x22c HTTP/1.0" 200 2326"#;
        let found = request(common).expect("a request");
        assert_eq!((found.method.as_str(), found.target.as_str()), ("GET", "/a?b=\"c"));
        let combined = format!("{common} \"-\" \"agent \\\"1\\\"\"");
        let found = request(&combined).expect("a request");
        assert_eq!(found.fields, [("User-Agent".to_owned(), "agent \"1\"".to_owned())]);
        assert_eq!(request("GET / HTTP/1.1"), None);
        assert_eq!(request(r#"a - - [b] "\x16\x03" 400 0"#), None);
    }
}
