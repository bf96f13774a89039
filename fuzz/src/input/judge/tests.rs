use serde_json::json;

use super::*;

fn judge(rules: &[AnswerRule]) -> Judge {
    let content = json!({"application/json": {"schema": {"$ref": "#/components/schemas/Note"}}});
    let description = json!({
        "openapi": "3.0.3",
        "servers": [{"url": "https://example.org/v1/"}],
        "paths": {"/notes/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}],
            "get": {"responses": {
                "200": {"description": "", "content": content},
                "4XX": {"description": "", "headers": {"X-Why": {"required": true}}},
                "503": {"description": "busy"},
            }},
        }},
        "components": {"schemas": {"Note": {"type": "object", "required": ["title"],
            "properties": {"title": {"type": "string"}}}}},
    });
    Judge::new(JudgeConfig {
        rules: rules.to_vec(),
        description: Some(description),
        seeds: PathBuf::new(),
        segments: ["known".to_owned()].into(),
    })
}

const BOTH: &[AnswerRule] = &[AnswerRule::ServerErrors, AnswerRule::Description];

fn faults(rules: &[AnswerRule], target: &str, fields: &str, answer: &str) -> Vec<String> {
    let request = format!("{target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let answer = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let answers = [answer.into_bytes(), Vec::new(), Vec::new(), Vec::new()];
    let faults = judge(rules).faults(request.as_bytes(), InputFormat::Raw, &answers);
    faults.iter().map(ToString::to_string).collect()
}

const NOTE: &str = "GET /v1/notes/7";

#[test]
fn an_answer_as_described_has_no_fault() {
    for answer in [
        "200 OK\r\nContent-Type: application/json; charset=utf-8\r\n\r\n{\"title\":\"a\"}",
        "404 No\r\nx-why: it is gone",
        "501 Not Implemented",
        "505 Version",
    ] {
        assert_eq!(faults(BOTH, NOTE, "", answer), [""; 0], "{answer}");
    }
}

#[test]
fn each_kind_of_fault_is_told() {
    for (answer, words) in [
        ("500 Oh", "answers 500"),
        ("503 Busy", "answers 503"),
        ("201 Created", "answers 201, which is not described"),
        ("302 Found", "answers 302, which is not described"),
        ("200 OK\r\nContent-Type: text/html\r\n\r\nhi", "a content type that is not described"),
        ("200 OK", "a content type that is not described"),
        (
            "200 OK\r\nContent-Type: application/json\r\n\r\n{\"title\":7}",
            "/components/schemas/Note/properties/title/type",
        ),
        ("200 OK\r\nContent-Type: application/json\r\n\r\n{", "/schema"),
        ("418 Teapot", "without the required field X-Why"),
    ] {
        let found = faults(BOTH, NOTE, "", answer);
        assert!(
            matches!(&found[..], [one] if one.starts_with("GET /notes/{id} ") && one.contains(words)),
            "{answer}: {found:?}"
        );
    }
}

#[test]
fn only_answers_of_certain_operations_are_judged_by_the_description() {
    for target in
        ["GET /v1/notes/x", "GET /notes/7", "PUT /v1/notes/7", "GET /v1/notes/%37", "GET /v1/notes//7"]
    {
        assert_eq!(faults(BOTH, target, "", "201 Created"), [""; 0], "{target}");
    }
}

#[test]
fn what_the_request_asks_for_is_no_fault() {
    assert_eq!(faults(BOTH, NOTE, "If-None-Match: *\r\n", "304 Not Modified"), [""; 0]);
    assert_eq!(faults(BOTH, NOTE, "Range: bytes=0-1\r\n", "206 Partial"), [""; 0]);
    assert_eq!(faults(BOTH, NOTE, "", "206 Partial").len(), 1);
}

#[test]
fn rules_are_independent() {
    assert_eq!(faults(&[AnswerRule::ServerErrors], NOTE, "", "201 Created"), [""; 0]);
    assert_eq!(faults(&[AnswerRule::Description], NOTE, "", "500 Oh").len(), 1, "always");
}

#[test]
fn routes_without_a_description_are_named_by_what_seeds_have() {
    let name = |target: &str| faults(BOTH, target, "", "500 Oh").concat();
    assert_eq!(name("GET /known/x/y/known"), "GET /known/*/known answers 500");
    assert_eq!(name("BREW /q/known"), "* /*/known answers 500");
    assert_eq!(name("GET /a%00"), "GET * answers 500");
}
