//! Request targets in their four forms (RFC 9112, section 3.2).

use memchr::{memchr, memmem};

use crate::visit::emit;
use crate::{Bytes, Kind, Visit, Visitor};

/// Target of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target<'a> {
    /// `/path?query`: the usual form, and any text that has none of the other forms.
    Origin {
        /// The path.
        path: Bytes<'a>,
        /// The query with its question mark.
        query: Bytes<'a>,
    },
    /// `http://authority/path?query`: the form sent to proxies.
    Absolute {
        /// The scheme with `://`.
        scheme: Bytes<'a>,
        /// Host and port.
        authority: Bytes<'a>,
        /// The path.
        path: Bytes<'a>,
        /// The query with its question mark.
        query: Bytes<'a>,
    },
    /// `host:port`: for CONNECT.
    Authority(Bytes<'a>),
    /// `*`: the server itself.
    Asterisk,
}

impl<'a> Target<'a> {
    /// Parses a target. The target of the method CONNECT is an authority.
    #[must_use]
    pub fn parse(text: &'a [u8], method: &[u8]) -> Self {
        if text == b"*" {
            return Self::Asterisk;
        }
        if method == b"CONNECT" {
            return Self::Authority(text.into());
        }
        let after_scheme = memmem::find(text, b"://").map(|at| at + 3);
        match after_scheme.filter(|_| text.first().is_some_and(u8::is_ascii_alphabetic)) {
            Some(after_scheme) => {
                let (scheme, rest) = text.split_at(after_scheme);
                let authority = rest.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(rest.len());
                let (authority, rest) = rest.split_at(authority);
                let (path, query) = split_query(rest);
                Self::Absolute { scheme: scheme.into(), authority: authority.into(), path, query }
            }
            None => {
                let (path, query) = split_query(text);
                Self::Origin { path, query }
            }
        }
    }
}

fn split_query(text: &[u8]) -> (Bytes<'_>, Bytes<'_>) {
    let (path, query) = text.split_at(memchr(b'?', text).unwrap_or(text.len()));
    (path.into(), query.into())
}

impl Target<'_> {
    /// Returns the path, if this form of target has one.
    #[must_use]
    pub fn path(&self) -> Option<&[u8]> {
        match self {
            Self::Origin { path, .. } | Self::Absolute { path, .. } => Some(path),
            Self::Authority(_) | Self::Asterisk => None,
        }
    }
}

impl Visit for Target<'_> {
    fn visit(&self, visitor: &mut impl Visitor) {
        visitor.enter(Kind::Target);
        match self {
            Self::Origin { path, query } => {
                emit(visitor, Kind::Path, path);
                emit(visitor, Kind::Query, query);
            }
            Self::Absolute { scheme, authority, path, query } => {
                emit(visitor, Kind::Scheme, scheme);
                emit(visitor, Kind::Authority, authority);
                emit(visitor, Kind::Path, path);
                emit(visitor, Kind::Query, query);
            }
            Self::Authority(authority) => emit(visitor, Kind::Authority, authority),
            Self::Asterisk => visitor.bytes(Kind::Path, b"*"),
        }
        visitor.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_four_forms_are_parsed() {
        let origin = Target::parse(b"/a?b", b"GET");
        assert_eq!(origin, Target::Origin { path: b"/a"[..].into(), query: b"?b"[..].into() });
        let Target::Absolute { scheme, authority, path, query } = Target::parse(b"http://h:80/p?q", b"GET")
        else {
            panic!("the target is not in absolute form");
        };
        assert_eq!([scheme, authority, path, query], [&b"http://"[..], b"h:80", b"/p", b"?q"]);
        assert_eq!(Target::parse(b"h:443", b"CONNECT"), Target::Authority(b"h:443"[..].into()));
        assert_eq!(Target::parse(b"*", b"OPTIONS"), Target::Asterisk);
    }

    #[test]
    fn path_containing_a_url_is_in_origin_form() {
        assert!(matches!(Target::parse(b"/x://y", b"GET"), Target::Origin { .. }));
    }
}
