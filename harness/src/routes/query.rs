//! `/query?key=value&…`: lists the pairs.

use super::list;
use crate::http::{Request, Response};
use crate::parse::query;

pub(super) fn answer(request: &Request, _rest: &str) -> Response {
    match query::parse(request.query().as_bytes()) {
        Some(pairs) => Response::text(200, list(&pairs)),
        None => Response::text(400, "400: broken escape in the query\n"),
    }
}
