//! Responses and their serialisation.

use std::io::Write as _;
use std::time::SystemTime;

use super::{HttpError, Version};
use crate::Output;

/// Response without the fields that depend on its delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Status code, 200 to 599.
    pub status: u16,
    /// Header fields other than Date, Content-Length and Connection.
    pub headers: Vec<(&'static str, String)>,
    /// The content.
    pub body: Vec<u8>,
}

/// Properties of the delivery of a response.
#[derive(Debug, Clone, Copy)]
pub struct Delivery {
    /// Protocol version of the request.
    pub version: Version,
    /// Whether the request was HEAD, so that the content is not sent.
    pub head_only: bool,
    /// Whether the connection stays open.
    pub keep_alive: bool,
}

impl Response {
    /// Creates a response without content.
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// Creates a response with content of the media type `content_type`.
    pub fn content(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..Self::new(status).with("Content-Type", content_type) }
    }

    /// Creates a response in plain text.
    pub fn text(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::content(status, "text/plain; charset=utf-8", body)
    }

    /// Appends a header field.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Whether responses with this status have content (RFC 9110, sections 15.3.5 and 15.4.5).
    pub fn has_content(&self) -> bool {
        !matches!(self.status, 204 | 304)
    }

    /// Writes the response, head and content as separate segments, to `output`.
    pub fn deliver(self, delivery: Delivery, output: &mut Output) {
        output.push(self.head(delivery));
        if self.has_content() && !delivery.head_only {
            output.push(self.body);
        }
    }

    fn head(&self, delivery: Delivery) -> Vec<u8> {
        let mut head = Vec::with_capacity(256);
        let mut line = |text: std::fmt::Arguments<'_>| {
            let _infallible = write!(head, "{text}\r\n");
        };
        line(format_args!("HTTP/1.1 {} {}", self.status, reason(self.status)));
        line(format_args!("Date: {}", httpdate::fmt_http_date(SystemTime::now())));
        for (name, value) in &self.headers {
            line(format_args!("{name}: {value}"));
        }
        if self.has_content() {
            line(format_args!("Content-Length: {}", self.body.len()));
        }
        match (delivery.version, delivery.keep_alive) {
            (Version::Http11, true) => {}
            (Version::Http10, true) => line(format_args!("Connection: keep-alive")),
            (_, false) => line(format_args!("Connection: close")),
        }
        line(format_args!(""));
        head
    }
}

impl From<HttpError> for Response {
    fn from(error: HttpError) -> Self {
        Self::text(error.status, format!("{error}\n"))
    }
}

/// Returns the reason phrase of a status code; empty for codes without one.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        418 => "I'm a Teapot",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivered(response: Response, version: Version, head_only: bool, keep_alive: bool) -> String {
        let mut output = Output::default();
        let delivery = Delivery { version, head_only, keep_alive };
        response.deliver(delivery, &mut output);
        let bytes: Vec<u8> = output.slices().iter().flat_map(|slice| slice.to_vec()).collect();
        let text = String::from_utf8(bytes).unwrap();
        text.split_inclusive("\r\n").filter(|line| !line.starts_with("Date: ")).collect()
    }

    #[test]
    fn head_responses_have_the_content_length() {
        let answer = Response::content(200, "a/b", "12345");
        assert_eq!(
            delivered(answer.clone(), Version::Http11, true, true),
            "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 5\r\n\r\n"
        );
        assert_eq!(
            delivered(answer, Version::Http10, false, true),
            "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 5\r\n\
             Connection: keep-alive\r\n\r\n12345"
        );
    }

    #[test]
    fn responses_without_content_have_no_length() {
        let answer = Response::content(304, "a/b", "12345");
        assert_eq!(
            delivered(answer, Version::Http11, false, false),
            "HTTP/1.1 304 Not Modified\r\nContent-Type: a/b\r\nConnection: close\r\n\r\n"
        );
    }
}
