//! Requests, as the parsers produce them.

use super::{Headers, Target};

/// Protocol version of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1, or a later minor version, which is served as 1.1.
    Http11,
}

impl Version {
    /// Returns the version as messages contain it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
        }
    }
}

/// Request without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The method, which is case-sensitive.
    pub method: String,
    /// The request target.
    pub target: Target,
    /// The client's version.
    pub version: Version,
    /// The header section.
    pub headers: Headers,
}

impl Head {
    /// Whether the connection persists after this request (RFC 9112, section 9.3).
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

/// Request with its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Request line and header section.
    pub head: Head,
    /// The body, without its transfer coding.
    pub body: Vec<u8>,
    /// The trailer section of a chunked body.
    pub trailers: Headers,
}

impl Request {
    /// Creates a request whose body is still to come.
    pub fn new(head: Head) -> Self {
        Self { head, body: Vec::new(), trailers: Headers::default() }
    }

    /// Returns the method.
    pub fn method(&self) -> &str {
        &self.head.method
    }

    /// Returns the header section.
    pub fn headers(&self) -> &Headers {
        &self.head.headers
    }

    /// Returns the query of the target, still encoded; empty if there is none.
    pub fn query(&self) -> &str {
        self.head.target.query.as_deref().unwrap_or_default()
    }
}
