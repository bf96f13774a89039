//! `/form`: lists the fields of a submitted form, in either of the two encodings.

use super::list;
use crate::http::syntax::{parameter, split_unquoted};
use crate::http::{Request, Response};
use crate::parse::{multipart, query};

pub(super) fn answer(request: &Request, _rest: &str) -> Response {
    let content_type = request.headers().first("Content-Type").unwrap_or_default();
    let essence = split_unquoted(content_type, b';').next().unwrap_or_default();
    if essence.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
        answer_list(query::parse(&request.body))
    } else if essence.eq_ignore_ascii_case(b"multipart/form-data") {
        let boundary = parameter(content_type, "boundary").unwrap_or_default();
        answer_list(multipart::parse(&request.body, &boundary).map(describe))
    } else {
        Response::text(415, "415: not a form\n")
    }
}

fn answer_list(pairs: Option<Vec<(String, String)>>) -> Response {
    match pairs {
        Some(pairs) => Response::text(200, list(&pairs)),
        None => Response::text(400, "400: malformed form\n"),
    }
}

/// Describes each part: its name, and either file name and size or the content.
fn describe(parts: Vec<multipart::Part>) -> Vec<(String, String)> {
    parts
        .iter()
        .map(|part| {
            let name = part.disposition("name").unwrap_or_default();
            let value = match part.disposition("filename") {
                Some(file) => format!("{file} ({} bytes)", part.content.len()),
                None => String::from_utf8_lossy(&part.content).into_owned(),
            };
            (name, value)
        })
        .collect()
}
