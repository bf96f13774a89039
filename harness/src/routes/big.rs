//! `/big?size=N`: a response of N bytes.

use crate::http::syntax::decimal;
use crate::http::{Request, Response};
use crate::parse::query;

/// Default size, in bytes.
const DEFAULT_SIZE: usize = 1024 * 1024;
/// Maximum size, in bytes.
const MAX_SIZE: usize = 32 * 1024 * 1024;

const LINE: &[u8] = b"All work and no play makes Jack a dull boy. 0123456789 ABCDEFGH\n";

pub(super) fn answer(request: &Request, _rest: &str) -> Response {
    let size = match query::value(request.query().as_bytes(), "size") {
        None => Some(DEFAULT_SIZE),
        Some(size) => decimal(size.as_bytes())
            .map(|size| usize::try_from(size).map_or(MAX_SIZE, |size| size.min(MAX_SIZE))),
    };
    let Some(size) = size else {
        return Response::text(400, "400: size is not a number\n");
    };
    let mut body = LINE.repeat(size.div_ceil(LINE.len()));
    body.truncate(size);
    Response::content(200, "text/plain", body)
}
