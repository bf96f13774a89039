//! Sequences of operations, as sessions whose later steps refer to earlier answers: what links say, what is created and
//! then read, changed and deleted, and what needs a login.

use std::{iter, ptr};

use oas3::Spec;
use oas3::spec::{self, Link, ObjectOrReference, Response};
use serde_json::Value;
use sockfuzz_protocol::session::{Action, Connection, Session, Step};

use super::super::imported::ImportedInput;
use super::super::name;
use super::super::request::RequestPieces;
use super::credentials;
use super::example::Examples;
use super::operation::Operation;

/// Last segments of paths at which clients log in.
const LOGIN_SEGMENTS: [&str; 10] = [
    "login",
    "log-in",
    "signin",
    "sign-in",
    "auth",
    "authenticate",
    "token",
    "tokens",
    "session",
    "sessions",
];

/// Operations below a created item that are taken into its sequence.
const MAX_INNER_OPERATIONS: usize = 4;

/// Operation with its request.
struct DescribedRequest<'a> {
    path: &'a str,
    method: String,
    operation: &'a spec::Operation,
    request: RequestPieces,
}

/// Parameter that takes a value of the answer to the first operation of a sequence.
struct Binding {
    parameter: String,
    /// Name of the value, as in a reference, or a text.
    value: BoundValue,
}

enum BoundValue {
    OfAnswer(String),
    Text(String),
}

/// Operation that gives a token.
struct Login<'a> {
    operation: &'a DescribedRequest<'a>,
    /// Name of the token, as in a reference.
    token: String,
}

/// Makes the sequences of a description.
pub(super) fn of(spec: &Spec) -> Vec<ImportedInput> {
    let mut all = Vec::new();
    for (path, item) in spec.paths.iter().flatten() {
        for (method, operation) in item.methods() {
            let whole = Operation::new(spec, path, item, method.as_str(), operation).whole_request();
            all.extend(whole.ok().map(|request| {
                let method = method.as_str().to_owned();
                DescribedRequest { path, method, operation, request }
            }));
        }
    }
    let login = all.iter().find_map(|operation| login(spec, operation));
    let mut inputs = Vec::new();
    for first in &all {
        let created = created_item(spec, first, &all);
        let then = (!created.is_empty()).then_some(created).into_iter().chain(linked(spec, first, &all));
        inputs.extend(then.map(|then| sequence(login.as_ref(), first, &then)));
        if let Some(login) = &login
            && credentials::are_in(&first.request)
        {
            inputs.push(sequence(Some(login), first, &[]));
        }
    }
    inputs
}

type Following<'a> = Vec<(&'a DescribedRequest<'a>, Vec<Binding>)>;

/// Returns what is done with the item that an operation creates: it is read, changed, deleted, and read again.
fn created_item<'a>(
    spec: &Spec,
    create: &DescribedRequest<'_>,
    all: &'a [DescribedRequest<'a>],
) -> Following<'a> {
    let collection = create.path.trim_end_matches('/');
    let below = |operation: &'a DescribedRequest<'a>| {
        let (parameter, rest) =
            operation.path.strip_prefix(collection)?.strip_prefix("/{")?.split_once('}')?;
        Some((operation, parameter, rest))
    };
    if create.method != "POST" {
        return Vec::new();
    }
    let below: Vec<_> = all.iter().filter_map(below).collect();
    let of_item = |methods: &'static [&'static str]| {
        let is_one = move |(operation, _, rest): &&(&'a DescribedRequest<'a>, _, &str)| {
            rest.trim_matches('/').is_empty() && methods.contains(&operation.method.as_str())
        };
        below.iter().filter(is_one)
    };
    let inner = below.iter().filter(|(_, _, rest)| !rest.trim_matches('/').is_empty());
    let before =
        of_item(&["GET"]).chain(inner.take(MAX_INNER_OPERATIONS)).chain(of_item(&["PUT", "PATCH", "POST"]));
    let after = of_item(&["GET"]).chain(of_item(&["DELETE"])).chain(of_item(&["GET"]));
    let bound = |(operation, parameter, _): &(&'a DescribedRequest<'a>, &str, &str)| {
        let value = BoundValue::OfAnswer(created_id(spec, create, parameter));
        (*operation, vec![Binding { parameter: (*parameter).to_owned(), value }])
    };
    let mut following: Following<'a> = before.chain(after).map(bound).collect();
    // Where nothing is changed, reading once is enough.
    following.dedup_by(|next, previous| ptr::eq(next.0, previous.0));
    following
}

/// Returns the name of the value by which an answer names the created item.
fn created_id(spec: &Spec, create: &DescribedRequest<'_>, parameter: &str) -> String {
    let is_id = |key: &str| key.to_ascii_lowercase().ends_with("id");
    let key = key_of_answer(spec, create, |key| key == parameter)
        .or_else(|| key_of_answer(spec, create, |key| key == "id"))
        .or_else(|| key_of_answer(spec, create, is_id));
    let has_location =
        |response: &Response| response.headers.keys().any(|it| it.eq_ignore_ascii_case("location"));
    match key {
        Some(key) => format!("json.{key}"),
        None if successes(spec, create).any(|response| has_location(&response)) => "location.id".to_owned(),
        None => "json.id".to_owned(),
    }
}

/// Returns the operations to which the links of an operation's answers lead, each by itself.
fn linked<'a>(
    spec: &Spec,
    first: &DescribedRequest<'_>,
    all: &'a [DescribedRequest<'a>],
) -> Vec<Following<'a>> {
    let described = spec.components.as_ref().map(|components| &components.links);
    let resolved = |link: &ObjectOrReference<Link>| match link {
        ObjectOrReference::Object(link) => Some(link.clone()),
        ObjectOrReference::Ref { ref_path, .. } => {
            match described?.get(ref_path.strip_prefix("#/components/links/")?)? {
                ObjectOrReference::Object(link) => Some(link.clone()),
                ObjectOrReference::Ref { .. } => None,
            }
        }
    };
    let mut links: Vec<Link> = Vec::new();
    for response in successes(spec, first) {
        links.extend(response.links.values().filter_map(resolved));
    }
    let following = links.into_iter().filter_map(|link| {
        let (target, parameters) = match link {
            Link::Id { operation_id, parameters, .. } => {
                (all.iter().find(|it| it.operation.operation_id.as_ref() == Some(&operation_id)), parameters)
            }
            Link::Ref { operation_ref, parameters, .. } => {
                (all.iter().find(|it| operation_ref.ends_with(&pointer_to(it))), parameters)
            }
        };
        let binding = |(parameter, expression): (String, String)| {
            let name = parameter.rsplit('.').next().unwrap_or_default().to_owned();
            Binding { parameter: name, value: BoundValue::of_expression(&expression) }
        };
        Some(vec![(target?, parameters.into_iter().map(binding).collect())])
    });
    following.collect()
}

/// Returns the JSON pointer to an operation (RFC 6901).
fn pointer_to(operation: &DescribedRequest<'_>) -> String {
    let path = operation.path.replace('~', "~0").replace('/', "~1");
    format!("#/paths/{path}/{}", operation.method.to_ascii_lowercase())
}

impl BoundValue {
    /// Returns the value of a runtime expression (OpenAPI 3.1, section 4.8.20.4).
    fn of_expression(expression: &str) -> Self {
        if let Some(pointer) = expression.strip_prefix("$response.body") {
            let path = pointer.trim_start_matches('#').replace('/', ".");
            Self::OfAnswer(format!("json{path}"))
        } else if let Some(field) = expression.strip_prefix("$response.header.") {
            Self::OfAnswer(format!("header.{field}"))
        } else {
            Self::Text(expression.to_owned())
        }
    }

    /// Returns what stands in a request.
    fn text(&self, answer: usize) -> String {
        match self {
            Self::OfAnswer(name) => credentials::reference(answer, name),
            Self::Text(text) => text.clone(),
        }
    }
}

fn login<'a>(spec: &Spec, operation: &'a DescribedRequest<'a>) -> Option<Login<'a>> {
    let last = operation.path.trim_end_matches('/').rsplit('/').next()?.to_ascii_lowercase();
    if operation.method != "POST" || !LOGIN_SEGMENTS.contains(&last.as_str()) {
        return None;
    }
    let is_token = |key: &str| ["token", "jwt"].iter().any(|word| key.to_ascii_lowercase().contains(word));
    let key =
        key_of_answer(spec, operation, |key| key.to_ascii_lowercase().replace('_', "") == "accesstoken")
            .or_else(|| key_of_answer(spec, operation, is_token))
            .unwrap_or_else(|| "token".to_owned());
    Some(Login { operation, token: format!("json.{key}") })
}

/// Returns the descriptions of an operation's successful answers.
fn successes(spec: &Spec, operation: &DescribedRequest<'_>) -> impl Iterator<Item = Response> {
    let responses = operation.operation.responses(spec).into_iter();
    responses.filter(|(status, _)| status.starts_with('2')).map(|(_, response)| response)
}

/// Returns a key of the JSON in an operation's successful answer, the outermost that is wanted.
fn key_of_answer(
    spec: &Spec,
    operation: &DescribedRequest<'_>,
    is_wanted: impl Fn(&str) -> bool + Copy,
) -> Option<String> {
    successes(spec, operation).find_map(|response| {
        let media_type = response.content.iter().find(|(name, _)| name.contains("json"))?.1;
        key_in(&Examples::new(spec, 0).body(media_type, true), is_wanted)
    })
}

fn key_in(value: &Value, is_wanted: impl Fn(&str) -> bool + Copy) -> Option<String> {
    let can_be_named =
        |key: &&String| key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    match value {
        Value::Object(members) => members
            .keys()
            .filter(can_be_named)
            .find(|key| is_wanted(key))
            .cloned()
            .or_else(|| members.values().find_map(|value| key_in(value, is_wanted))),
        Value::Array(elements) => elements.iter().find_map(|value| key_in(value, is_wanted)),
        _ => None,
    }
}

/// Makes a session of a first operation and others that take values of its answer, after a login if they need one.
fn sequence(
    login: Option<&Login<'_>>,
    first: &DescribedRequest<'_>,
    then: &[(&DescribedRequest<'_>, Vec<Binding>)],
) -> ImportedInput {
    let all = || iter::once(first).chain(then.iter().map(|(operation, _)| *operation));
    let needs_login = all().any(|operation| credentials::are_in(&operation.request));
    let login = login.filter(|login| needs_login && login.operation.path != first.path);
    let answer = 1 + usize::from(login.is_some());
    let following = then.iter().map(|(operation, bindings)| {
        let mut request = operation.request.clone();
        for Binding { parameter, value } in bindings {
            credentials::bind(&mut request, operation.path, parameter, &value.text(answer));
        }
        request
    });
    let mut requests: Vec<RequestPieces> = iter::once(first.request.clone()).chain(following).collect();
    if let Some(Login { operation, token }) = login {
        requests.iter_mut().for_each(|request| credentials::fill_in(request, token));
        requests.insert(0, operation.request.clone());
    }
    let step = |request: &RequestPieces| Step {
        connection: Connection::ALL[0],
        action: Action::Send(request.bytes()),
    };
    let bytes = requests.iter().map(step).collect::<Session>().encode();
    let words: Vec<String> = all().map(|it| format!("{} {}", it.method, it.path)).collect();
    ImportedInput {
        name: format!("{}-sequence", name::of_bytes(&first.request.bytes())),
        bytes,
        made_from: words.join(", "),
    }
}
