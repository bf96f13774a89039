//! Header fields, in the order of their arrival.

use std::borrow::Cow;

use super::syntax::split_unquoted;

/// Fields of a header or trailer section. Ignores the case of names; preserves order and repetition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, Vec<u8>)>);

impl Headers {
    /// Appends a field.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) {
        self.0.push((name.into(), value.into()));
    }

    /// Returns the number of fields.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns all fields, as name and value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Returns the values of all fields called `name`.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Returns the value of the first field called `name`.
    pub fn first(&self, name: &str) -> Option<&[u8]> {
        self.all(name).next()
    }

    /// Returns the first value of `name` as text; replaces bytes that are not UTF-8.
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.first(name).map(String::from_utf8_lossy)
    }

    /// Returns the members of all comma-separated lists called `name`, except empty ones
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
