//! HTTP archives (HAR), as browsers save them. Each recorded request becomes an HTTP/1.1 request.

use anyhow::Result;
use serde::Deserialize;

use super::imported::{ImportResult, ImportedInput};
use super::name;
use crate::input::corpus::Seed;
use crate::util::problem::Problem;

// These types have only the fields that a request needs. Fields that some browsers omit are optional.
#[derive(Deserialize)]
struct HarArchive {
    log: HarLog,
}

#[derive(Deserialize)]
struct HarLog {
    entries: Vec<HarEntry>,
}

#[derive(Deserialize)]
struct HarEntry {
    request: HarRequest,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HarRequest {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<NameValue>,
    post_data: Option<HarPostData>,
}

#[derive(Deserialize)]
struct NameValue {
    name: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
struct HarPostData {
    #[serde(default)]
    text: String,
    #[serde(default)]
    params: Vec<NameValue>,
}

/// Headers that frame the recorded transfer. The imported request has framing of its own.
const FRAMING_HEADERS: [&str; 2] = ["content-length", "transfer-encoding"];

/// Whether the file is an archive: it is named `*.har`, or is JSON with `"log"` near its start.
pub(super) fn is_archive(file: &Seed) -> bool {
    let named = file.path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("har"));
    let bytes = file.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&file.bytes);
    named
        || (bytes.trim_ascii_start().starts_with(b"{")
            && bytes.windows(5).take(200).any(|five| five == b"\"log\""))
}

/// Reads an archive.
pub(super) fn read(file: &Seed) -> Result<ImportResult> {
    let bytes = file.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&file.bytes);
    let archive: HarArchive = serde_json::from_slice(bytes).map_err(|error| {
        let what = format!("{} is not an HTTP archive: {error}", file.path.display());
        Problem::failed(what, "save it again, from the network view of a browser's developer tools")
    })?;
    let mut result = ImportResult::default();
    for HarEntry { request } in archive.log.entries {
        match target(&request.url) {
            Some((authority, target)) => result.inputs.push(input(&request, authority, target)),
            None => result.skipped.push(format!("{} {}: not HTTP", request.method, request.url)),
        }
    }
    if result.inputs.is_empty() && result.skipped.is_empty() {
        result.skipped.push("it has no entries".to_owned());
    }
    Ok(result)
}

/// Returns the authority and the origin-form target of an HTTP URL; `None` for other schemes.
fn target(url: &str) -> Option<(&str, String)> {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"))?;
    let rest = rest.split('#').next().unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let slash = if path.starts_with('/') { "" } else { "/" };
    Some((authority, format!("{slash}{path}")))
}

fn input(request: &HarRequest, authority: &str, target: String) -> ImportedInput {
    let body = request.post_data.as_ref().map(body);
    let is = |pair: &&NameValue, name: &str| pair.name.eq_ignore_ascii_case(name);
    let mut text = format!("{} {target} HTTP/1.1\r\n", request.method);
    if !request.headers.iter().any(|pair| is(&pair, "host")) {
        text.push_str(&format!("Host: {authority}\r\n"));
    }
    // The request line contains the values of HTTP/2's pseudo-header fields.
    let own = request.headers.iter().filter(|pair| !pair.name.starts_with(':'));
    for pair in own.filter(|pair| !FRAMING_HEADERS.iter().any(|name| is(pair, name))) {
        text.push_str(&format!("{}: {}\r\n", pair.name, pair.value));
    }
    if let Some(body) = &body {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    text.push_str(&body.unwrap_or_default());
    let bytes = text.into_bytes();
    ImportedInput { name: name::of_bytes(&bytes), bytes, made_from: request.url.clone() }
}

fn body(data: &HarPostData) -> String {
    if !data.text.is_empty() {
        return data.text.clone();
    }
    let pair = |pair: &NameValue| format!("{}={}", pair.name, pair.value);
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
