//! Parts of a document, with a bug of a kind that servers have had.

use hyper::header::{CONTENT_RANGE, RANGE};
use hyper::{Request, Response, StatusCode};

use super::{Body, full};

const DOCUMENT: &[u8] = b"All work and no play makes Jack a dull boy.\n";

/// Returns the part of the document that a request asks for (RFC 9110, section 14.2); `None` if it does not, or in another way.
///
/// Planted bug: a range may end before it begins.
pub fn part<T>(request: &Request<T>) -> Option<Response<Body>> {
    let range = request.headers().get(RANGE)?.to_str().ok()?;
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let first: usize = first.parse().ok().filter(|first| *first < DOCUMENT.len())?;
    let last = last.parse().unwrap_or(usize::MAX).min(DOCUMENT.len() - 1);
    let mut response = Response::new(full(&DOCUMENT[first..=last]));
    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    let shown = format!("bytes {first}-{last}/{}", DOCUMENT.len());
    response.headers_mut().insert(CONTENT_RANGE, shown.parse().ok()?);
    Some(response)
}
