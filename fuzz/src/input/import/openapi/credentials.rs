//! Values in the requests of a sequence: parameters and credentials, in the place of examples and placeholders.

use super::super::request::RequestPieces;

/// Placeholders that [`super::operation`] puts where credentials are required.
const BEARER: &str = "Bearer token";
const TOKEN: &str = "token";

/// Answer of the login in a sequence.
const LOGIN_ANSWER: usize = 1;

/// Returns a reference to a value of an answer.
pub(super) fn reference(answer: usize, name: &str) -> String {
    format!("{{{{{answer}.{name}}}}}")
}

/// Whether a request has placeholders of credentials.
pub(super) fn are_in(request: &RequestPieces) -> bool {
    let mut filled = request.clone();
    fill_in(&mut filled, TOKEN);
    filled != *request
}

/// Replaces the placeholders of credentials by the token of the login, whose name is that in a reference, or by the cookie
/// that it has set.
pub(super) fn fill_in(request: &mut RequestPieces, token: &str) {
    let value = reference(LOGIN_ANSWER, token);
    for (name, field) in &mut request.fields {
        if name.eq_ignore_ascii_case("cookie") {
            let cookie = |name: &str| reference(LOGIN_ANSWER, &format!("cookie.{name}"));
            *field = with_values(field, "; ", |name, value| (value == TOKEN).then(|| cookie(name)));
        } else if field == BEARER {
            *field = format!("Bearer {value}");
        } else if field == TOKEN {
            field.clone_from(&value);
        }
    }
    if let Some((path, query)) = request.target.split_once('?') {
        let query = with_values(query, "&", |_, own| (own == TOKEN).then(|| value.clone()));
        request.target = format!("{path}?{query}");
    }
}

/// Gives a parameter a value, wherever the request has it. `template` is the path of the description.
pub(super) fn bind(request: &mut RequestPieces, template: &str, parameter: &str, value: &str) {
    let (path, query) = match request.target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (request.target.as_str(), None),
    };
    let mut segments: Vec<String> = path.split('/').map(str::to_owned).collect();
    // The path of the server comes before that of the description.
    for (segment, described) in segments.iter_mut().rev().zip(template.rsplit('/')) {
        if described == format!("{{{parameter}}}") {
            value.clone_into(segment);
        }
    }
    let own = |name: &str, _: &str| (name == parameter).then(|| value.to_owned());
    let query = query.map(|query| format!("?{}", with_values(query, "&", own))).unwrap_or_default();
    request.target = segments.join("/") + &query;
    for (name, field) in &mut request.fields {
        if name.eq_ignore_ascii_case("cookie") {
            *field = with_values(field, "; ", own);
        } else if name.eq_ignore_ascii_case(parameter) {
            value.clone_into(field);
        }
    }
}

/// Replaces the values of pairs `name=value` for which there is another one.
fn with_values(pairs: &str, separator: &str, other: impl Fn(&str, &str) -> Option<String>) -> String {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        Some(format!("{name}={}", other(name, value)?))
    };
    let changed = pairs.split(separator).map(|own| pair(own).unwrap_or_else(|| own.to_owned()));
    changed.collect::<Vec<_>>().join(separator)
}
