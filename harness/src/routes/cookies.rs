//! `/cookies`: lists the cookies, and sets one that counts visits.

use super::list;
use crate::http::{Request, Response};
use crate::parse::cookie;

pub(super) fn answer(request: &Request, _rest: &str) -> Response {
    let owned = |text| String::from_utf8_lossy(text).into_owned();
    let pairs: Vec<_> = request
        .headers()
        .all("Cookie")
        .flat_map(cookie::parse)
        .map(|(name, value)| (owned(name), owned(value)))
        .collect();
    let visits = pairs
        .iter()
        .find(|(name, _)| name == "visits")
        .and_then(|(_, value)| value.parse::<u32>().ok())
        .unwrap_or(0);
    let cookie = format!("visits={}; Path=/; HttpOnly", visits.saturating_add(1));
    Response::text(200, list(&pairs)).with("Set-Cookie", cookie)
}
