//! Header fields, in the order they came.

use std::borrow::Cow;

use super::syntax::split_unquoted;

/// The fields of a header or trailer section. Names ignore case; order and repetition are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, Vec<u8>)>);

impl Headers {
    /// Appends a field.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) {
        self.0.push((name.into(), value.into()));
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no field at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All fields, as name and value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The values of all fields called `name`.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The value of the first field called `name`.
    pub fn first(&self, name: &str) -> Option<&[u8]> {
        self.all(name).next()
    }

    /// The first value of `name` as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.first(name).map(String::from_utf8_lossy)
    }

    /// The members of all comma-separated lists called `name`, empty ones left out
    /// (RFC 9110, section 5.6.1.2).
    pub fn members(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.all(name).flat_map(|list| split_unquoted(list, b',')).filter(|member| !member.is_empty())
    }

    /// Whether a list called `name` has `member`, ignoring case.
    pub fn has_member(&self, name: &str, member: &str) -> bool {
        self.members(name).any(|other| other.eq_ignore_ascii_case(member.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_span_fields_and_skip_empty_members() {
        let mut headers = Headers::default();
        headers.push("Connection", "a, ,b");
        headers.push("Other", "x");
        headers.push("connection", "Close");
        let members: Vec<_> = headers.members("CONNECTION").collect();
        assert_eq!(members, [&b"a"[..], b"b", b"Close"]);
        assert!(headers.has_member("connection", "close"));
        assert!(!headers.has_member("connection", "x"));
        assert_eq!(headers.first("connection"), Some(&b"a, ,b"[..]));
    }
}
