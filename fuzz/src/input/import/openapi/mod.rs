//! OpenAPI descriptions, version 3, in JSON and YAML: each operation becomes requests with the values that the
//! description gives as examples, or that its schemas allow. Operations that belong together become sessions.

mod credentials;
mod example;
mod operation;
mod pattern;
mod sequences;
mod words;

use std::collections::BTreeSet;

use anyhow::Result;
use oas3::Spec;
use serde_json::Value;

use super::imported::ImportResult;
use crate::input::corpus::Seed;
use crate::util::problem::Problem;

/// Number of bytes in which the version of the format is looked for.
const HEAD_BYTES: usize = 4096;

/// Whether the file has the name of a description, and names the version of its format.
pub(super) fn is_description(file: &Seed) -> bool {
    let is_named =
        |extension: &str| ["json", "yaml", "yml"].contains(&extension.to_ascii_lowercase().as_str());
    file.path.extension().is_some_and(|extension| is_named(&extension.to_string_lossy()))
        && names_version(&file.bytes)
}

/// Whether a text names the version of its format: `openapi` or, before version 3, `swagger`.
pub(super) fn names_version(text: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&text[..text.len().min(HEAD_BYTES)]);
    let names_version = |line: &str| {
        let line = line.trim_start_matches(['\u{feff}', ' ', '\t', '{']);
        ["openapi:", "swagger:", "\"openapi\"", "\"swagger\""].iter().any(|word| line.starts_with(word))
    };
    head.lines().any(names_version) || head.contains("\"openapi\":")
}

/// Description of an API.
#[derive(Debug)]
pub struct ApiDescription {
    /// The description itself.
    pub document: Value,
    /// Requests for its operations.
    pub requests: ImportResult,
    /// Words of it, for a dictionary.
    pub words: BTreeSet<String>,
}

/// Reads a description.
pub(super) fn read(file: &Seed) -> Result<ApiDescription> {
    let problem =
        |what: String, remedy: &str| Problem::failed(format!("{}: {what}", file.path.display()), remedy);
    let correct = "correct it; a validator for OpenAPI names the line";
    let text = String::from_utf8_lossy(&file.bytes);
    // YAML contains JSON.
    let document: Value = yaml_serde::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| problem(format!("it is neither JSON nor YAML: {error}"), correct))?;
    if document.get("swagger").is_some() {
        let remedy = "convert it to version 3, for example with swagger2openapi";
        return Err(problem("it is a description of version 2 (Swagger)".to_owned(), remedy).into());
    }
    let mut description = document.clone();
    without_boolean_limits(&mut description);
    let spec: Spec = serde_json::from_value(description)
        .map_err(|error| problem(format!("it is no description of an API: {error}"), correct))?;
    let mut result = ImportResult::default();
    for (path, item) in spec.paths.iter().flatten() {
        for (method, described) in item.methods() {
            let operation = operation::Operation::new(&spec, path, item, method.as_str(), described);
            result.routes.push(operation.route());
            match operation.requests() {
                Ok(requests) => {
                    let made_from = || format!("{method} {path}");
                    result.inputs.extend(requests.into_iter().map(|request| request.into_input(made_from())));
                }
                Err(reason) => result.skipped.push(format!("{method} {path}: {reason}")),
            }
        }
    }
    result.inputs.extend(sequences::of(&spec));
    if result.inputs.is_empty() && result.skipped.is_empty() {
        result.skipped.push("it describes no operation".to_owned());
    }
    Ok(ApiDescription { words: words::words(&document), document, requests: result })
}

/// Removes the limits of version 3.0 that are `true` or `false`; in 3.1 they are numbers.
fn without_boolean_limits(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, value| !(name.starts_with("exclusiveM") && value.is_boolean()));
            members.values_mut().for_each(without_boolean_limits);
        }
        Value::Array(elements) => elements.iter_mut().for_each(without_boolean_limits),
        _ => {}
    }
}
