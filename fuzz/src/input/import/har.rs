//! HTTP archives (HAR), as browsers save them. Each recorded request becomes an HTTP/1.1 request.

use anyhow::Result;
use serde::Deserialize;

use super::imported::{ImportResult, ImportedInput};
use super::request::{RequestPieces, split_url};
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
        match split_url(&request.url) {
            Some((authority, target)) => {
                let authority = authority.to_owned();
                result.inputs.push(input(request, authority, target));
            }
            None => result.skipped.push(format!("{} {}: not HTTP", request.method, request.url)),
        }
    }
    if result.inputs.is_empty() && result.skipped.is_empty() {
        result.skipped.push("it has no entries".to_owned());
    }
    Ok(result)
}

fn input(request: HarRequest, authority: String, target: String) -> ImportedInput {
    // The request line contains the values of HTTP/2's pseudo-header fields.
    let own = request.headers.into_iter().filter(|pair| !pair.name.starts_with(':'));
    let pieces = RequestPieces {
        method: request.method,
        authority,
        target,
        fields: own.map(|pair| (pair.name, pair.value)).collect(),
        body: request.post_data.as_ref().map(|data| body(data).into_bytes()),
    };
    pieces.into_input(request.url)
}

fn body(data: &HarPostData) -> String {
    if !data.text.is_empty() {
        return data.text.clone();
    }
    let pair = |pair: &NameValue| format!("{}={}", pair.name, pair.value);
    data.params.iter().map(pair).collect::<Vec<_>>().join("&")
}
