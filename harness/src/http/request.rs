//! What the parsers produce: a request.

use super::{Headers, Target};

/// The protocol version of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1, or a later minor version, which is served as 1.1.
    Http11,
}

impl Version {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
        }
    }
}

/// A request without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The method; case matters.
    pub method: String,
    /// What the request is for.
    pub target: Target,
    /// The client's version.
    pub version: Version,
    /// The header section.
    pub headers: Headers,
}

impl Head {
    /// Whether the client wants to keep the connection (RFC 9112, section 9.3).
    pub fn keeps_alive(&self) -> bool {
        if self.headers.has_member("Connection", "close") {
            return false;
        }
        self.version == Version::Http11 || self.headers.has_member("Connection", "keep-alive")
    }

    /// Whether the client waits for `100 Continue` before it sends the body (RFC 9110, 10.1.1).
    pub fn expects_continue(&self) -> bool {
        self.version == Version::Http11 && self.headers.has_member("Expect", "100-continue")
    }
}

/// A whole request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Everything before the body.
    pub head: Head,
    /// The body, its transfer coding removed.
    pub body: Vec<u8>,
    /// The trailer section of a chunked body.
    pub trailers: Headers,
}

impl Request {
    /// A request whose body is yet to come.
    pub fn new(head: Head) -> Self {
        Self { head, body: Vec::new(), trailers: Headers::default() }
    }

    /// The method.
    pub fn method(&self) -> &str {
        &self.head.method
    }

    /// The header section.
    pub fn headers(&self) -> &Headers {
        &self.head.headers
    }

    /// The query of the target, still encoded; empty when there is none.
    pub fn query(&self) -> &str {
        self.head.target.query.as_deref().unwrap_or_default()
    }
}
