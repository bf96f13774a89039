//! Sessions whose steps refer to earlier answers: each client sends the values that the server has answered.

mod common;

use std::fs;
use std::process::Command;

use common::loop_target::LoopTarget;
use common::{TestDir, fixed_port, imports, installed, stat};
use sockfuzz::campaign::cargo_afl::CargoAfl;
use sockfuzz::triage::finding::Finding;
use sockfuzz_protocol::session::Session;

/// Logs in, creates an item, reads it by its id, deletes it by its location over another connection, reads it again.
const SESSION: &str = r#"
send 0 "POST /login HTTP/1.1\r\nHost: a\r\n\r\n"
send 0 "POST /items HTTP/1.1\r\nCookie: session={{1.cookie.session}}\r\n\r\n"
send 0 "GET /items/{{2.json.id}} HTTP/1.1\r\nAuthorization: Bearer {{1.json.token}}\r\n\r\n"
close 0
send 1 "DELETE {{2.location}} HTTP/1.1\r\nAuthorization: Bearer {{1.json.user.token}}\r\n\r\n"
send 1 "GET /items/{{2.location.id}} HTTP/1.1\r\nAuthorization: Bearer {{1.json.token}}\r\n\r\n"
send 1 "GET /items/{{2.json.no}} HTTP/1.1\r\nAuthorization: Bearer {{9.json.token}}\r\n\r\n"
"#;

fn packed(text: &str) -> Vec<u8> {
    text.parse::<Session>().expect("a session").encode()
}

/// Returns the status codes of the answers, with a comma after each.
fn codes(text: &str) -> String {
    text.split("HTTP/1.1 ").skip(1).map(|answer| format!("{},", &answer[..3])).collect()
}

/// Asserts that the requests after the login and the creation use one id, except the last one, which names none.
fn use_one_id(log: &str) {
    let lines: Vec<&str> = log.lines().collect();
    let [login, create, read, delete, again, none] = lines[..] else { panic!("{log}") };
    assert_eq!([login, create], ["POST /login HTTP/1.1", "POST /items HTTP/1.1"]);
    let id = read.strip_prefix("GET /items/").and_then(|it| it.strip_suffix(" HTTP/1.1")).expect("an id");
    assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{log}");
    assert_eq!(
        [delete, again],
        [format!("DELETE /items/{id} HTTP/1.1"), format!("GET /items/{id} HTTP/1.1")]
    );
    assert_eq!(none, "GET /items/{{2.json.no}} HTTP/1.1");
}

const CODES: &str = "200,201,200,204,410,401,";

#[test]
fn single_runs_and_the_loop_send_what_was_answered() {
    let target = LoopTarget::compile("keeps_items");
    let input = target.dir.write("session", &packed(SESSION));
    for number in 0..20 {
        target.dir.write(&format!("in/{number}"), &packed(SESSION));
    }
    for transport in ["unix", "tcp", "memory"] {
        let mut run = target.dir.sockfuzz();
        run.args(["run", "--input", "session", "--transport", transport, "--"]).arg(&target.program);
        let run = run.pipe_stdin(&input).expect("readable").assert().success();
        assert_eq!(codes(&String::from_utf8_lossy(&run.get_output().stdout)), CODES, "{transport}");
        let (output, log) = target.run(transport, &[("SOCKFUZZ_INPUT", "session")]);
        assert!(output.status.success(), "{transport}: {}", String::from_utf8_lossy(&output.stdout));
        let lines: Vec<&str> = log.lines().collect();
        assert_eq!(lines.len(), 20 * 6, "{transport}");
        lines.chunks(6).for_each(|lines| use_one_id(&lines.join("\n")));
    }
}

/// No seed has more than one request, and ids are new in every iteration. The plain server makes other ones than the
/// preloaded server, so the client over real TCP and the script have to fill them in, too.
#[test]
fn a_bug_behind_an_earlier_answer_is_found_and_confirmed() {
    let Some(_) = installed("clang", "clang") else { return };
    let _port = fixed_port();
    let dir = TestDir::new();
    let flags = ["-fsanitize-coverage=trace-pc-guard", "-DBUG_AT=1"];
    let server =
        dir.loop_target("keeps_items", "clang", &flags, &CargoAfl::find_or_install().expect("cargo-afl"));
    dir.write("seeds/create", b"POST /items HTTP/1.1\r\nHost: a\r\n\r\n");
    dir.write("seeds/read", b"GET /items/1 HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut fuzz = dir.sockfuzz();
    fuzz.args(["fuzz", "--no-check", "-t", "2000", "-i", "seeds", "-o", "out", "--input", "session"]);
    fuzz.args(["--afl", "-c - -E 60000 -s 1", "--"]).arg(&server).env("AFL_BENCH_UNTIL_CRASH", "1");
    fuzz.assert().success();
    assert!(stat(&dir.path("out"), "default", "saved_crashes") >= 1.0);
    dir.sockfuzz().args(["triage", "--again", "--attempts", "2", "out"]).assert().code(4);
    let bugs = Finding::of_campaign(&dir.path("out")).expect("readable");
    let [(folder, bug)] = &bugs[..] else { panic!("{bugs:?}") };
    assert_eq!(bug.confirmation.happened, 2, "{bug:?}");
    if installed("python3", "python3").is_some() {
        let run = Command::new(folder.join("reproduce.py")).output().expect("runs");
        assert_eq!(run.status.code(), Some(0), "{run:?}");
    }
}

const DESCRIPTION: &str = r##"
openapi: 3.0.3
info: {title: Items, version: "1"}
servers: [{url: /v1}]
paths:
  /login:
    post:
      responses:
        "200": {description: a token, content: {application/json: {schema: {properties: {accessToken: {type: string}}}}}}
  /items:
    post:
      security: [{bearer: []}]
      responses:
        "201":
          description: made
          content: {application/json: {schema: {properties: {itemId: {type: integer}, name: {type: string}}}}}
          links:
            search: {operationId: search, parameters: {q: $response.body#/name, tag: $response.header.ETag}}
  /items/{item}:
    parameters: [{name: item, in: path, required: true, schema: {type: integer}}]
    get: {responses: {"200": {description: the item}}}
    delete: {security: [{bearer: []}], responses: {"204": {description: gone}}}
  /search:
    get:
      operationId: search
      parameters: [{name: q, in: query, schema: {type: string}}, {name: tag, in: header, schema: {type: string}}]
      responses: {"200": {description: found}}
components:
  securitySchemes:
    bearer: {type: http, scheme: bearer}
"##;

#[test]
fn operations_of_openapi_that_belong_together_become_sessions() {
    let dir = TestDir::new();
    let said = imports(&dir, "items.yaml", DESCRIPTION.as_bytes(), &[]);
    let paths = fs::read_dir(dir.path("out")).expect("readable").map(|entry| entry.expect("readable").path());
    // The routes of a description are kept in a hidden directory.
    let sequences = paths.filter(|path| path.is_file()).filter_map(|path| {
        let bytes = fs::read(path).expect("readable");
        let text = Session::decode(&bytes).to_string();
        (text.matches("send 0").count() > 1).then(|| {
            let lines = text.lines().map(|line| line.trim_start_matches("send 0").trim().trim_matches('"'));
            let is_told = |line: &&str| !line.starts_with("Host") && *line != "\\r\\n";
            lines
                .filter(is_told)
                .map(|line| line.replace("\\r\\n", "").replace(" HTTP/1.1", ""))
                .collect::<Vec<_>>()
                .join("; ")
        })
    });
    let mut sequences: Vec<String> = sequences.collect();
    sequences.sort();
    let authorised = "Authorization: Bearer {{1.json.accessToken}}";
    let item = "/v1/items/{{2.json.itemId}}";
    let expected = [
        format!("POST /v1/login; DELETE /v1/items/1; {authorised}"),
        format!("POST /v1/login; POST /v1/items; {authorised}"),
        format!(
            "POST /v1/login; POST /v1/items; {authorised}; GET /v1/search?q={{{{2.json.name}}}}; tag: {{{{2.header.ETag}}}}"
        ),
        format!(
            "POST /v1/login; POST /v1/items; {authorised}; GET {item}; DELETE {item}; {authorised}; GET {item}"
        ),
    ];
    let mut expected = expected.to_vec();
    expected.sort();
    assert_eq!(sequences, expected, "{said}");
}
