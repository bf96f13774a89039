//! Routes: methods and paths that clients have asked for, with the number of requests for each.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

use sockfuzz_model::Pipeline;

use crate::util::printable::one_line;

/// Maximum number of routes that are shown.
const MAX_SHOWN: usize = 30;

/// Maximum number of bytes of a path that are shown.
const MAX_PATH_BYTES: usize = 80;

/// Requests, counted by method and path.
#[derive(Debug, Default)]
pub struct RequestCounts(BTreeMap<(Vec<u8>, Vec<u8>), u64>);

impl RequestCounts {
    /// Adds the requests in the bytes of one connection.
    pub fn add(&mut self, sent: &[u8]) {
        for request in Pipeline::parse(sent).requests() {
            let path = request.line.target.path().unwrap_or(b"*");
            *self.0.entry((request.line.method.to_vec(), path.to_vec())).or_default() += 1;
        }
    }

    /// Returns the number of requests.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.0.values().sum()
    }
}

/// A line for each route, the most frequent first.
impl fmt::Display for RequestCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut routes: Vec<_> = self.0.iter().collect();
        routes.sort_by_key(|(_, count)| Reverse(**count));
        for ((method, path), count) in routes.iter().take(MAX_SHOWN) {
            let (method, path) = (one_line(method, MAX_PATH_BYTES), one_line(path, MAX_PATH_BYTES));
            writeln!(f, "  {count:>6}  {method:<7} {path}")?;
        }
        match routes.len().checked_sub(MAX_SHOWN) {
            Some(more @ 1..) => writeln!(f, "  and {more} more"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_method_and_path() {
        let mut routes = RequestCounts::default();
        routes.add(b"GET /a?x=1 HTTP/1.1\r\n\r\nGET /a HTTP/1.1\r\n\r\n");
        routes.add(b"POST /b HTTP/1.1\r\nContent-Length: 1\r\n\r\nx");
        routes.add(b"\x16\x03");
        assert_eq!(routes.requests(), 3);
        assert_eq!(routes.to_string(), "       2  GET     /a\n       1  POST    /b\n");
    }
}
