//! `/`: a page with links to the other routes.

use crate::http::{Request, Response};

const INDEX: &str = include_str!("index.html");

pub(super) fn answer(_request: &Request, _rest: &str) -> Response {
    Response::content(200, "text/html; charset=utf-8", INDEX)
}
