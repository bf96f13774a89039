//! Description of its API that a server itself serves. It is asked for it at the places that frameworks use by default.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::input::answer::AnswerReader;
use crate::input::corpus::Seed;
use crate::input::import;
use crate::server::batch_run::Answers;
use crate::server::single_run::RunConfig;

/// File with the description, in the output directory.
const FILE: &str = "sockfuzz.openapi.json";

/// Places of descriptions, the more common first: of FastAPI, utoipa, Spring, ASP.NET, and others, and names below `.well-known`
/// (RFC 8615).
const PLACES: &[&str] = &[
    "/openapi.json",
    "/api-docs/openapi.json",
    "/v3/api-docs",
    "/swagger/v1/swagger.json",
    "/openapi/v1.json",
    "/swagger.json",
    "/openapi.yaml",
    "/openapi.yml",
    "/openapi",
    "/api/openapi.json",
    "/api/openapi.yaml",
    "/api/v1/openapi.json",
    "/v1/openapi.json",
    "/api/v3/openapi.json",
    "/docs/openapi.json",
    "/docs/private/api.json",
    "/api-doc/openapi.json",
    "/api-docs",
    "/api-docs.json",
    "/api.json",
    "/api/spec",
    "/api/schema",
    "/spec",
    "/swagger/doc.json",
    "/q/openapi",
    "/.well-known/openapi.json",
    "/.well-known/openapi.yaml",
    "/.well-known/openapi",
];

/// Returns the path of the file in an output directory.
#[must_use]
pub fn file_in(out: &Path) -> PathBuf {
    out.join(FILE)
}

/// Asks the server at all places, in one process, and returns the answers that look like descriptions. A process that ends or
/// hangs is not asked again.
///
/// # Errors
/// When the server cannot be started, or the user interrupts.
pub fn ask(config: &RunConfig<'_>) -> Result<Vec<Seed>> {
    let requests: Vec<_> = PLACES.iter().map(|place| request(place)).collect();
    let requests: Vec<_> = requests.iter().map(String::as_bytes).collect();
    let answers = config.run_in_one_process(&requests)?;
    Ok(PLACES.iter().zip(&answers).filter_map(|(place, answers)| description(place, answers)).collect())
}

fn request(place: &str) -> String {
    format!(
        "GET {place} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json, application/yaml;q=0.9, */*;q=0.8\r\n\
         Connection: close\r\n\r\n"
    )
}

/// Returns the content of the answer from a place, if it may be a description.
fn description(place: &str, answers: &Answers) -> Option<Seed> {
    let answer = AnswerReader::new(&answers[0]).next(Some("GET"))?;
    // A page about the description may contain it.
    let is_page = |body: &[u8]| body.trim_ascii_start().starts_with(b"<");
    let is_description = |body: &Vec<u8>| !is_page(body) && import::is_description_text(body);
    let bytes = answer.body.filter(|body| answer.status == 200 && is_description(body))?;
    Some(Seed { name: place.to_owned(), path: place.into(), bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_found(answer: &str) -> bool {
        let answers = [answer.as_bytes().to_vec(), Vec::new(), Vec::new(), Vec::new()];
        description("/openapi", &answers).is_some()
    }

    #[test]
    fn descriptions_are_told_from_other_answers() {
        assert!(is_found("HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{\"openapi\": \"3.1.0\""));
        assert!(is_found(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ne\r\nopenapi: 3.0.0\r\n0\r\n\r\n"
        ));
        assert!(!is_found("HTTP/1.1 404 No\r\nContent-Length: 19\r\n\r\n{\"openapi\": \"3.1.0\""));
        assert!(!is_found("HTTP/1.1 200 OK\r\n\r\n<html>\nopenapi: none"));
        assert!(!is_found("HTTP/1.1 200 OK\r\n\r\n{\"a\": \"openapi\"}"));
        assert!(!is_found(""));
    }
}
