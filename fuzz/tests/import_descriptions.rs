//! `sockfuzz corpus import` of texts that describe requests: OpenAPI, curl command lines, access logs.

mod common;

use std::collections::BTreeSet;
use std::fs;

use common::{TestDir, imports};
use predicates::str::contains;

/// Imports a file of this name into `out`, and returns the inputs, sorted by their names.
fn imported(dir: &TestDir, name: &str, content: &str) -> Vec<String> {
    imports(dir, name, content.as_bytes(), &[]);
    let entries =
        fs::read_dir(dir.path("out")).expect("readable").map(|entry| entry.expect("readable").path());
    // The routes of a description are kept in a hidden directory.
    let mut paths: Vec<_> = entries.filter(|path| path.is_file()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read_to_string(path).expect("UTF-8")).collect()
}

const DESCRIPTION: &str = r##"
openapi: 3.0.3
info: {title: Notes, version: "1"}
servers: [{url: "https://notes.example.org/v1/"}]
security: [{key: []}]
paths:
  /notes/{id}:
    parameters:
      - {name: id, in: path, required: true, schema: {type: integer, minimum: 7, exclusiveMinimum: false}}
    get:
      parameters:
        - {name: words, in: query, schema: {type: array, items: {type: string, example: "a b"}}}
        - {name: session, in: cookie, schema: {type: string, format: uuid}}
      responses: {"200": {description: a note}}
    put:
      requestBody:
        required: true
        content:
          application/json:
            schema: {$ref: "#/components/schemas/Note"}
      responses: {"204": {description: done}}
components:
  securitySchemes:
    key: {type: apiKey, name: X-Key, in: header}
  schemas:
    Note:
      type: object
      required: [title]
      properties:
        title: {type: string, maxLength: 3}
        next: {$ref: "#/components/schemas/Note"}
"##;

#[test]
fn operations_of_openapi_become_requests() {
    let dir = TestDir::new();
    let inputs = imported(&dir, "notes.yaml", DESCRIPTION);
    let head = "Host: notes.example.org\r\nX-Key: token\r\n";
    let uuid = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
    assert_eq!(
        inputs[0],
        format!("GET /v1/notes/7?words=a%20b HTTP/1.1\r\n{head}Cookie: session={uuid}\r\n\r\n")
    );
    assert_eq!(inputs[1], format!("GET /v1/notes/7 HTTP/1.1\r\n{head}\r\n"));
    assert!(
        inputs[2].starts_with("PUT /v1/notes/7 HTTP/1.1\r\n")
            && inputs[2].contains("\r\nContent-Type: application/json\r\n")
    );
    // A schema that contains itself ends after four levels.
    let nested =
        (0..4).fold(r#"{"title":"nam"}"#.to_owned(), |note, _| format!(r#"{{"next":{note},"title":"nam"}}"#));
    assert!(inputs[2].ends_with(&nested), "{}", inputs[2]);
    assert!(inputs[3].ends_with("\r\n\r\n{\"title\":\"nam\"}"), "{}", inputs[3]);
    assert_eq!(inputs.len(), 4);
}

/// Returns the inputs that are made of an operation with a body of this schema.
fn imported_with_body(dir: &TestDir, schema: &str) -> Vec<String> {
    let content = format!("{{application/json: {{schema: {schema}}}}}");
    let description = format!(
        "openapi: 3.1.0\ninfo: {{title: a, version: b}}\npaths: {{/a: {{post: {{requestBody: {{required: true, content: {content}}}}}}}}}"
    );
    imported(dir, "a.yaml", &description)
}

#[test]
fn alternatives_of_a_schema_become_requests() {
    let dir = TestDir::new();
    let schema =
        "{type: object, properties: {kind: {enum: [sum, mean, last]}, all: {type: boolean, default: false}}}";
    let inputs = imported_with_body(&dir, schema);
    let bodies: BTreeSet<&str> = inputs.iter().filter_map(|input| input.split("\r\n\r\n").nth(1)).collect();
    let expected = [
        "{}",
        r#"{"all":false,"kind":"last"}"#,
        r#"{"all":false,"kind":"sum"}"#,
        r#"{"all":true,"kind":"mean"}"#,
    ];
    assert_eq!(bodies, BTreeSet::from(expected));
}

/// A truth value that a schema fixes has no alternative.
#[test]
fn fixed_truth_values_stay() {
    let dir = TestDir::new();
    let schema = "{type: object, properties: {a: {type: boolean, const: true}, \
                  b: {type: boolean, enum: [false], default: false}, c: {enum: [1, 2]}}}";
    let inputs = imported_with_body(&dir, schema);
    assert!(inputs.iter().any(|input| input.ends_with(r#"{"a":true,"b":false,"c":2}"#)), "{inputs:?}");
    assert!(inputs.iter().all(|input| !input.contains("\"a\":false") && !input.contains("\"b\":true")));
}

#[test]
fn a_description_that_cannot_be_read_is_an_error_with_a_remedy() {
    let dir = TestDir::new();
    for (name, content, what) in [
        ("old.json", r#"{"swagger": "2.0", "paths": {}}"#, "version 2"),
        ("bad.yaml", "openapi: 3.0.0\n  paths: [", "neither JSON nor YAML"),
        ("empty.yaml", "openapi: 3.0.0\ninfo: {title: a, version: b}\npaths: {}", "no file gave an input"),
    ] {
        dir.write(name, content.as_bytes());
        dir.sockfuzz().args(["corpus", "import", name, "-o", "none"]).assert().code(1).stderr(contains(what));
        assert!(!dir.path("none").exists());
    }
}

#[test]
fn curl_commands_become_requests() {
    let dir = TestDir::new();
    let commands = "curl 'http://a/x' -H 'b: c' ;\ncurl -d '{\"d\":1}' -H 'Content-Type: application/json' \\\n http://a/y\n";
    let inputs = imported(&dir, "commands.sh", commands);
    assert_eq!(inputs[0], "GET /x HTTP/1.1\r\nHost: a\r\nb: c\r\nAccept: */*\r\n\r\n");
    let post = "POST /y HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nAccept: */*\r\nContent-Length: 7\r\n\r\n{\"d\":1}";
    assert_eq!(inputs[1..], [post]);
}

#[test]
fn access_logs_become_requests() {
    let dir = TestDir::new();
    let line =
        |request: &str| format!("::1 - - [10/Oct/2000:13:55:36 -0700] \"{request}\" 200 5 \"-\" \"agent\"\n");
    let log = ["GET /x?y HTTP/1.1", "GET /x?y HTTP/1.1", "DELETE /z HTTP/1.1"].map(line).concat();
    let inputs = imported(&dir, "access.log", &log);
    let expected = ["DELETE /z", "GET /x?y"]
        .map(|line| format!("{line} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: agent\r\n\r\n"));
    assert_eq!(inputs, expected);
}
