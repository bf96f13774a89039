//! `/status/NNN`: a response with that status.

use super::not_found;
use crate::http::syntax::decimal;
use crate::http::{Request, Response};

pub(super) fn answer(_request: &Request, rest: &str) -> Response {
    let status = decimal(rest.as_bytes()).and_then(|status| u16::try_from(status).ok());
    match status {
        Some(status @ (204 | 304)) => Response::new(status),
        // 205 has no content either, but unlike 204 it has a length (RFC 9110, section 15.3.6).
        Some(205) => Response::new(205),
        Some(status @ 200..=599) => Response::text(status, format!("{status}\n")),
        _ => not_found(),
    }
}
