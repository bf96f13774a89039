//! Requests from sources that have them in pieces: archives, command lines, specifications, logs.

use super::imported::ImportedInput;
use super::name;

/// Fields that frame the recorded transfer. The imported request has framing of its own.
const FRAMING_FIELDS: [&str; 2] = ["content-length", "transfer-encoding"];

/// Request in pieces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RequestPieces {
    pub(super) method: String,
    /// Host and port, for a request without a Host field.
    pub(super) authority: String,
    /// Target in origin form.
    pub(super) target: String,
    /// Names and values, in order.
    pub(super) fields: Vec<(String, String)>,
    pub(super) body: Option<Vec<u8>>,
}

impl RequestPieces {
    /// Whether there is a field of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(own, _)| own.eq_ignore_ascii_case(name))
    }

    /// Adds a field unless there is one of this name.
    pub(super) fn default_field(&mut self, name: &str, value: &str) {
        if !self.has(name) {
            self.fields.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Returns the HTTP/1.1 request.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if !self.has("host") {
            head.push_str(&format!("Host: {}\r\n", self.authority));
        }
        let frames = |name: &str| FRAMING_FIELDS.iter().any(|framing| name.eq_ignore_ascii_case(framing));
        for (name, value) in self.fields.iter().filter(|(name, _)| !frames(name)) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = &self.body {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        [head.as_bytes(), self.body.as_deref().unwrap_or_default()].concat()
    }

    /// Returns the request as an input.
    pub(super) fn into_input(self, made_from: String) -> ImportedInput {
        let bytes = self.bytes();
        ImportedInput { name: name::of_bytes(&bytes), bytes, made_from }
    }
}

/// Returns the authority and the origin-form target of an HTTP URL; `None` for other schemes.
pub(super) fn split_url(url: &str) -> Option<(&str, String)> {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"))?;
    let rest = rest.split('#').next().unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let slash = if path.starts_with('/') { "" } else { "/" };
    Some((authority, format!("{slash}{path}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_becomes_a_target() {
        assert_eq!(split_url("https://a:8/b?c#d"), Some(("a:8", "/b?c".to_owned())));
        assert_eq!(split_url("http://a?b"), Some(("a", "/?b".to_owned())));
        assert_eq!(split_url("http://a"), Some(("a", "/".to_owned())));
        assert_eq!(split_url("data:text/plain,x"), None);
    }
}
