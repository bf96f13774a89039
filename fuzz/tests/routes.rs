//! Routes of a campaign, and their answers.

mod common;

use std::fs;

use common::TestDir;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use sockfuzz::campaign::cargo_afl::CargoAfl;

const DESCRIPTION: &str = "\
openapi: 3.0.0
info: {title: t, version: '1'}
paths:
  /users:
    get: {responses: {default: {description: d}}}
    post: {responses: {default: {description: d}}}
  /users/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
    get: {responses: {default: {description: d}}}
    delete: {responses: {default: {description: d}}}
  /admin:
    get: {responses: {default: {description: d}}}
";

#[test]
fn routes_of_a_description_that_are_never_answered_2xx_are_named() {
    let dir = TestDir::new();
    let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
    let Some(server) = dir.instrumented_server("routes", &cargo_afl) else { return };
    dir.write("api.yaml", DESCRIPTION.as_bytes());
    dir.sockfuzz().args(["corpus", "import", "api.yaml", "-o", "seeds"]).assert().code(0);
    assert_eq!(
        fs::read_to_string(dir.path("seeds/.sockfuzz/routes")).expect("written"),
        "GET /admin\nGET /users\nPOST /users\nDELETE /users/{id}\nGET /users/{id}\n"
    );
    dir.write(
        "seeds/old",
        b"GET /users/7?a HTTP/1.1\r\n\r\nGET /old HTTP/1.1\r\n\r\nGET /zz%00 HTTP/1.1\r\n\r\n",
    );
    dir.sockfuzz()
        .args(["fuzz", "-t", "2000", "--mutator", "none", "--afl", "-c - -E 200", "-i", "seeds", "--"])
        .arg(&server)
        .assert()
        .code(0)
        .stdout(contains("7 known routes, 4 of them never answered 2xx:"));
    let mut queue = fs::read_dir(dir.path("out/default/queue")).expect("a queue").flatten();
    assert!(!queue.any(|file| file.file_name().to_string_lossy().ends_with("orig:routes")), "no input");
    let text = dir.sockfuzz().args(["routes", "out"]).assert().code(0).get_output().stdout.clone();
    let text = String::from_utf8(text).expect("text");
    for (method, path, answers) in [
        ("GET", "/admin", "4xx "),
        ("DELETE", "/users/{id}", "4xx "),
        ("GET", "/old", "3xx "),
        ("GET", "/{…}", ""),
    ] {
        let line = format!("  {method:7} {path:40} {answers}");
        assert!(text.contains(&line), "{line}\n{text}");
    }
    assert!(!text.contains("/users/{id}                              2xx"), "{text}");

    let report = |format: &str| {
        let mut command = dir.sockfuzz();
        let output = command.args(["report", "--format", format, "-o", "-", "out"]).assert().code(0);
        String::from_utf8(output.get_output().stdout.clone()).expect("text")
    };
    let data: serde_json::Value = serde_json::from_str(&report("json")).expect("JSON");
    let routes = data["routes"]["routes"].as_array().expect("routes");
    let found = |method: &str, path: &str| {
        routes.iter().find(|it| it["method"] == method && it["path"] == path).expect("listed").clone()
    };
    assert_eq!(found("GET", "/admin")["lacks_success"], true);
    assert_eq!(found("POST", "/users")["lacks_success"], false);
    assert!(found("GET", "/users/{id}")["success"].as_u64() >= Some(2));
    assert!(report("markdown").contains("| `/admin`"));
    assert!(report("html").contains("<strong>never 2xx</strong>"));
}

#[test]
fn routes_need_a_campaign() {
    let dir = TestDir::new();
    dir.write("other/file", b"");
    dir.sockfuzz()
        .args(["routes", "other"])
        .assert()
        .code(1)
        .stderr(contains("no output directory of sockfuzz fuzz").and(contains("remedy")));
}
