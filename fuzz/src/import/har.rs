//! HTTP archives (HAR), as browsers save them: requests as HTTP/1.1.

use anyhow::Result;
use serde::Deserialize;

use super::{Found, Input, name};
use crate::corpus::Seed;
use crate::problem::Problem;

// Only what a request takes, and nothing required that some browser leaves out.
#[derive(Deserialize)]
struct Archive {
    log: Log,
}

#[derive(Deserialize)]
struct Log {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    request: Request,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<Pair>,
    post_data: Option<PostData>,
}

#[derive(Deserialize)]
struct Pair {
    name: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
struct PostData {
    #[serde(default)]
    text: String,
    #[serde(default)]
    params: Vec<Pair>,
}

/// Fields that say how the message was brought, which is not how ours is.
const OF_THE_CONNECTION: [&str; 2] = ["content-length", "transfer-encoding"];

/// Whether a file is meant to be an archive: by its name, or JSON with a log.
pub(super) fn is_archive(file: &Seed) -> bool {
    let named = file.path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("har"));
    let bytes = file.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&file.bytes);
    named
        || (bytes.trim_ascii_start().starts_with(b"{")
            && bytes.windows(5).take(200).any(|five| five == b"\"log\""))
}

/// Reads an archive.
pub(super) fn read(file: &Seed) -> Result<Found> {
    let bytes = file.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&file.bytes);
    let archive: Archive = serde_json::from_slice(bytes).map_err(|error| {
        let what = format!("{} is no HTTP archive: {error}", file.path.display());
        Problem::failed(what, "save it again, from the network view of a browser's developer tools")
    })?;
    let mut found = Found::default();
    for Entry { request } in archive.log.entries {
        match target(&request.url) {
            Some((authority, target)) => found.inputs.push(input(&request, authority, target)),
            None => found.skipped.push(format!("{} {}: no HTTP", request.method, request.url)),
        }
    }
    if found.inputs.is_empty() && found.skipped.is_empty() {
        found.skipped.push("it has no entries".to_owned());
    }
    Ok(found)
}

/// Authority and origin form of a URL of HTTP.
fn target(url: &str) -> Option<(&str, String)> {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"))?;
    let rest = rest.split('#').next().unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let slash = if path.starts_with('/') { "" } else { "/" };
    Some((authority, format!("{slash}{path}")))
}

fn input(request: &Request, authority: &str, target: String) -> Input {
    let body = request.post_data.as_ref().map(body);
    let is = |pair: &&Pair, name: &str| pair.name.eq_ignore_ascii_case(name);
    let mut text = format!("{} {target} HTTP/1.1\r\n", request.method);
    if !request.headers.iter().any(|pair| is(&pair, "host")) {
        text.push_str(&format!("Host: {authority}\r\n"));
    }
    // HTTP/2's pseudo-header fields are in the request line.
    let own = request.headers.iter().filter(|pair| !pair.name.starts_with(':'));
    for pair in own.filter(|pair| !OF_THE_CONNECTION.iter().any(|name| is(pair, name))) {
        text.push_str(&format!("{}: {}\r\n", pair.name, pair.value));
    }
    if let Some(body) = &body {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    text.push_str(&body.unwrap_or_default());
    let bytes = text.into_bytes();
    Input { name: name::of_bytes(&bytes), bytes, made_from: request.url.clone() }
}

fn body(data: &PostData) -> String {
    if !data.text.is_empty() {
        return data.text.clone();
    }
    let pair = |pair: &Pair| format!("{}={}", pair.name, pair.value);
    data.params.iter().map(pair).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_becomes_a_target() {
        assert_eq!(target("https://a:8/b?c#d"), Some(("a:8", "/b?c".to_owned())));
        assert_eq!(target("http://a?b"), Some(("a", "/?b".to_owned())));
        assert_eq!(target("http://a"), Some(("a", "/".to_owned())));
        assert_eq!(target("data:text/plain,x"), None);
    }
}
