//! Import of requests that users have, as inputs: packet captures, HTTP archives, OpenAPI descriptions, curl command lines,
//! access logs, raw requests, and connections that a server has accepted.

mod access_log;
mod capture;
mod connections;
mod corpus_writer;
mod curl;
mod har;
mod imported;
mod name;
mod openapi;
mod raw;
mod recorded;
mod request;
mod sessions;
mod tcp;

use anyhow::Result;

use crate::input::corpus::Seed;
use crate::util::problem::Problem;

pub use corpus_writer::{CorpusWriter, WriteOutcome};
pub use imported::{ImportOptions, ImportResult, ImportedInput};
pub use openapi::ApiDescription;
pub use recorded::RecordedConnection;

/// Reads the description of an API (OpenAPI, version 3).
///
/// # Errors
/// When the file is no description, is damaged, or describes no request.
pub fn read_description(file: &Seed) -> Result<ApiDescription> {
    if !openapi::is_description(file) {
        let what = format!("{} is no description of an API", file.path.display());
        return Err(
            Problem::failed(what, "give an OpenAPI description, version 3, as .json, .yaml or .yml").into()
        );
    }
    read_description_text(file)
}

/// Whether a text looks like the description of an API, of any version.
#[must_use]
pub fn is_description_text(text: &[u8]) -> bool {
    openapi::names_version(text)
}

/// Reads the description of an API (OpenAPI, version 3), whatever its name is.
///
/// # Errors
/// When it is damaged, or describes no request.
pub fn read_description_text(file: &Seed) -> Result<ApiDescription> {
    let description = openapi::read(file)?;
    if description.requests.inputs.is_empty() {
        let reasons = description.requests.skipped.join("; ");
        let what = format!("{} gives no request: {reasons}", file.path.display());
        return Err(Problem::failed(what, "complete it, or omit --openapi").into());
    }
    Ok(description)
}

/// Imports a file, whose format is detected from its content and its name.
///
/// # Errors
/// When the file is damaged.
pub fn read(file: &Seed, options: ImportOptions) -> Result<ImportResult> {
    if capture::is_capture(&file.bytes) {
        let packets = capture::CapturedPackets::read(file)?;
        Ok(sessions::from_packets(&packets, options))
    } else if har::is_archive(file) {
        har::read(file)
    } else if openapi::is_description(file) {
        Ok(openapi::read(file)?.requests)
    } else if curl::is_command(file) {
        curl::read(file)
    } else if access_log::is_log(file) {
        Ok(access_log::read(file))
    } else {
        Ok(raw::read(file, options))
    }
}
