//! Description of an API (OpenAPI, version 3), as far as answers are judged by it.

use serde_json::Value;

use super::exchange::PlainRequest;
use super::fault::FaultKind;
use super::path::{PathTemplate, RequestPath, most_specific};
use super::schema::Schemas;
use crate::input::answer::Answer;
use crate::util::percent::percent_decoded;

/// Maximum number of references to references that are followed.
const MAX_REFERENCES: usize = 8;

/// Client errors by which servers and frameworks refuse requests in general. Descriptions rarely have them for each operation.
const GENERAL_REFUSALS: &[u16] = &[
    400, 401, 403, 404, 405, 406, 408, 411, 412, 413, 414, 415, 416, 417, 421, 422, 426, 428, 429, 431, 501,
    505,
];

/// Description of an API.
#[derive(Debug)]
pub(super) struct Description {
    document: Value,
    schemas: Schemas,
    paths: Vec<PathTemplate>,
}

/// DescribedOperation that a request is meant for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DescribedOperation {
    /// Method and path, such as `GET /notes/{id}`.
    pub(super) name: String,
    /// Its place in the description, a JSON pointer.
    place: String,
}

impl Description {
    pub(super) fn new(document: Value) -> Self {
        let schemas = Schemas::new(&document);
        let mut paths = Vec::new();
        for (path, item) in document.get("paths").and_then(Value::as_object).into_iter().flatten() {
            let place = resolved(&document, &format!("/paths/{}", escaped(path)));
            let own = document.pointer(&place).unwrap_or(item).get("servers");
            for base in base_paths(own.or(document.get("servers"))) {
                paths.push(PathTemplate::new(&base, path, place.clone()));
            }
        }
        Self { document, schemas, paths }
    }

    /// Returns the operation for a request; `None` if that is not certain.
    pub(super) fn operation(&self, request: &PlainRequest) -> Option<DescribedOperation> {
        let path = RequestPath::parse(&request.path)?;
        let template = most_specific(&self.paths, &path)?;
        let method = request.method.to_ascii_lowercase();
        let is_method = request.method.bytes().all(|byte| byte.is_ascii_uppercase());
        let place = format!("{}/{method}", template.place);
        self.document.pointer(&place).filter(|it| it.is_object() && is_method)?;
        let allowed = template.values(&path).into_iter().all(|(name, value)| {
            let schema = self.parameter_schema(&place, &template.place, name);
            schema.is_some_and(|schema| self.schemas.allows_text(&schema, value) == Some(true))
        });
        allowed.then(|| DescribedOperation { name: format!("{} {}", request.method, template.path), place })
    }

    /// Returns the place of the schema of a parameter in the path. Parameters of the operation replace those of the path.
    fn parameter_schema(&self, operation: &str, item: &str, name: &str) -> Option<String> {
        [operation, item].iter().find_map(|owner| {
            let count = self.document.pointer(&format!("{owner}/parameters"))?.as_array()?.len();
            let places =
                (0..count).map(|index| resolved(&self.document, &format!("{owner}/parameters/{index}")));
            let is_it = |place: &String| {
                let member = |member: &str| {
                    self.document.pointer(&format!("{place}/{member}")).and_then(Value::as_str)
                };
                member("in") == Some("path") && member("name") == Some(name)
            };
            let place = places.into_iter().find(is_it)?;
            self.document.pointer(&format!("{place}/schema")).map(|_| format!("{place}/schema"))
        })
    }

    /// Returns the faults of an answer to an operation, each with a detail.
    pub(super) fn faults(
        &self,
        operation: &DescribedOperation,
        request: &PlainRequest,
        answer: &Answer,
    ) -> Vec<(FaultKind, String)> {
        let Some(place) = self.answer_place(operation, answer.status) else {
            let is_general =
                GENERAL_REFUSALS.contains(&answer.status) || is_conditional(request, answer.status);
            return if is_general { Vec::new() } else { vec![(FaultKind::Status, String::new())] };
        };
        let required = self.document.pointer(&format!("{place}/headers")).and_then(Value::as_object);
        let mut faults: Vec<_> = required
            .into_iter()
            .flatten()
            .filter(|(name, _)| !name.eq_ignore_ascii_case("content-type"))
            .filter(|(name, _)| {
                let field = resolved(&self.document, &format!("{place}/headers/{}", escaped(name)));
                self.document.pointer(&format!("{field}/required")) == Some(&Value::Bool(true))
            })
            .filter(|(name, _)| !answer.has(&name.to_ascii_lowercase()))
            .map(|(name, _)| (FaultKind::MissingField(name.clone()), String::new()))
            .collect();
        // An answer to HEAD has no body, a part is no whole, and the content behind a coding is unknown here.
        let is_whole = request.method != "HEAD"
            && !matches!(answer.status, 204 | 205 | 206 | 304)
            && !answer.has("content-encoding");
        if let Some(body) = answer.body.as_ref().filter(|_| is_whole) {
            faults.extend(self.content_fault(&place, answer, body));
        }
        faults
    }

    /// Returns the place of the described answer with this status.
    fn answer_place(&self, operation: &DescribedOperation, status: u16) -> Option<String> {
        let place = format!("{}/responses", operation.place);
        let answers = self.document.pointer(&place)?.as_object()?;
        let names = [status.to_string(), format!("{}XX", status / 100), "default".to_owned()];
        let name = names.iter().find_map(|name| answers.keys().find(|key| key.eq_ignore_ascii_case(name)))?;
        Some(resolved(&self.document, &format!("{place}/{}", escaped(name))))
    }

    fn content_fault(&self, place: &str, answer: &Answer, body: &[u8]) -> Option<(FaultKind, String)> {
        // An answer without described content may have any.
        let types =
            self.document.pointer(&format!("{place}/content"))?.as_object().filter(|it| !it.is_empty())?;
        let full = answer.field("content-type").unwrap_or_default();
        let own = full.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let Some(name) =
            types.keys().filter(|range| matches_range(range, &own)).max_by_key(|range| specificity(range))
        else {
            let what = if own.is_empty() { "none".to_owned() } else { own };
            let described: Vec<_> = types.keys().map(String::as_str).collect();
            return Some((
                FaultKind::ContentType,
                format!("it is {what}, described is {}", described.join(", ")),
            ));
        };
        let schema = format!("{place}/content/{}/schema", escaped(name));
        self.document.pointer(&schema)?;
        if own != "application/json" && !own.ends_with("+json") {
            return None;
        }
        match serde_json::from_slice(body) {
            Ok(value) => self
                .schemas
                .contradiction(&schema, &value)
                .map(|(place, detail)| (FaultKind::Body(place), detail)),
            // Numbers that are too large for this program are no fault of the answer.
            Err(error) if error.is_data() || error.to_string().contains("number out of range") => None,
            Err(error) if error.to_string().contains("recursion limit") => None,
            Err(error) => Some((FaultKind::Body(schema), format!("it is no JSON: {error}"))),
        }
    }
}

/// Whether a status answers fields with conditions and ranges (RFC 9110, sections 13 and 14), which any operation may have.
fn is_conditional(request: &PlainRequest, status: u16) -> bool {
    let has_condition = request.fields.iter().any(|name| name.starts_with("if-"));
    (status == 304 && has_condition) || (status == 206 && request.has("range"))
}

/// Returns the place behind the references at a place; the last one reached if it is not in the document.
fn resolved(document: &Value, place: &str) -> String {
    let mut place = place.to_owned();
    for _ in 0..MAX_REFERENCES {
        let reference = document.pointer(&place).and_then(|it| it.get("$ref")).and_then(Value::as_str);
        let Some(target) = reference.and_then(|it| it.strip_prefix('#')) else { break };
        place = percent_decoded(target);
    }
    place
}

/// Returns a name as a part of a JSON pointer (RFC 6901, section 3).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Returns the paths of the URLs of servers, without a slash at the end.
fn base_paths(servers: Option<&Value>) -> Vec<String> {
    let servers = servers.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut paths: Vec<String> = servers.iter().filter_map(base_path).collect();
    if paths.is_empty() {
        paths.push(String::new());
    }
    paths.sort();
    paths.dedup();
    paths
}

fn base_path(server: &Value) -> Option<String> {
    let mut url = server.get("url")?.as_str()?.to_owned();
    for (name, variable) in server.get("variables").and_then(Value::as_object).into_iter().flatten() {
        let value = variable.get("default").and_then(Value::as_str).unwrap_or_default();
        url = url.replace(&format!("{{{name}}}"), value);
    }
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("", |at| &rest[at..]),
        None => url.as_str(),
    };
    Some(path.trim_end_matches('/').to_owned())
}

/// Whether a media type is in a range, such as `application/*`.
fn matches_range(range: &str, own: &str) -> bool {
    let range = range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match range.strip_suffix('*') {
        Some("*/") => !own.is_empty(),
        Some(kind) => own.starts_with(kind) && kind.ends_with('/'),
        None => range == own,
    }
}

/// Orders ranges of media types: the more of it is given, the more specific.
fn specificity(range: &str) -> usize {
    2 - range.matches('*').count().min(2)
}
