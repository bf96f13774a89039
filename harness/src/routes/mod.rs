//! Routes of the server, and the lookup of the route of a request.

mod big;
mod cookies;
mod documents;
mod echo;
mod form;
mod index;
mod query;
mod status;

use crate::http::{Form, Request, Response};
use crate::parse::percent;

const READ: &str = "GET, HEAD, OPTIONS";
const WRITE: &str = "POST, OPTIONS";
const ANY: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

struct Route {
    /// The path. A path other than the root that ends in `/` matches all paths below it.
    path: &'static str,
    /// Allowed methods: the value of the Allow field.
    methods: &'static str,
    /// Answers a request, given the rest of the path after `path`.
    answer: fn(&Request, &str) -> Response,
}

const ROUTES: &[Route] = &[
    Route { path: "/", methods: READ, answer: index::answer },
    Route { path: "/big", methods: READ, answer: big::answer },
    Route { path: "/cookies", methods: READ, answer: cookies::answer },
    Route { path: "/echo", methods: ANY, answer: echo::answer },
    Route { path: "/form", methods: WRITE, answer: form::answer },
    Route { path: "/query", methods: READ, answer: query::answer },
    Route { path: "/static/", methods: READ, answer: documents::answer },
    Route { path: "/status/", methods: ANY, answer: status::answer },
];

/// Answers a request.
pub fn answer(request: &Request) -> Response {
    let method = request.method();
    if !["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"].contains(&method) {
        return Response::text(501, "501: unknown method\n");
    }
    match request.head.target.form {
        Form::Asterisk => return Response::new(204).with("Allow", ANY),
        Form::Authority => return not_allowed(ANY),
        Form::Origin | Form::Absolute => {}
    }
    let Some(path) = percent::decode(request.head.target.path.as_bytes()) else {
        return Response::text(400, "400: broken escape in the path\n");
    };
    let path = String::from_utf8_lossy(&path);
    let Some((route, rest)) = find(&path) else {
        return not_found();
    };
    if !route.methods.split(", ").any(|allowed| allowed == method) {
        return not_allowed(route.methods);
    }
    if method == "OPTIONS" {
        return Response::new(204).with("Allow", route.methods);
    }
    (route.answer)(request, rest)
}

fn find(path: &str) -> Option<(&'static Route, &str)> {
    ROUTES.iter().find_map(|route| {
        let rest = path.strip_prefix(route.path)?;
        let is_folder = route.path.len() > 1 && route.path.ends_with('/');
        (rest.is_empty() || is_folder).then_some((route, rest))
    })
}

fn not_found() -> Response {
    Response::text(404, "404: not found\n")
}

fn not_allowed(methods: &'static str) -> Response {
    Response::text(405, "405: method not allowed\n").with("Allow", methods)
}

/// Formats key-value pairs, one per line.
fn list(pairs: &[(String, String)]) -> String {
    pairs.iter().map(|(key, value)| format!("{key} = {value}\n")).collect()
}

#[cfg(test)]
mod tests;
