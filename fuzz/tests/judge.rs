//! `sockfuzz fuzz --findings`: answers that are findings, by their status or by the description of the API.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{TestDir, allows_sandbox, free_port};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use sockfuzz::campaign::cargo_afl::CargoAfl;

/// Exit status of a campaign that has found something new.
const FOUND: i32 = 4;

/// Faults of the server that is compiled with WRONG.
const FAULTS: [&str; 3] = [
    "DELETE /notes/{id} answers 500",
    "GET /notes/{id} answers 200 with a body that contradicts /components/schemas/Note/properties/title/type",
    "POST /notes answers 202, which is not described",
];

/// Compiles the server of the notes, and chooses a port for it; `None` if the test has to be skipped.
fn server(dir: &TestDir, words: &str) -> Option<(PathBuf, u16)> {
    let servers = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers");
    let source = fs::read_to_string(servers.join("notes.c")).expect("readable");
    let copy = dir.write("notes.c", (words.to_owned() + &source).as_bytes());
    fs::copy(servers.join("notes.yaml"), dir.path("notes.yaml")).expect("copied");
    Some((dir.instrumented(&copy, &CargoAfl::find_or_install().expect("cargo-afl"))?, free_port()))
}

/// Returns `sockfuzz fuzz` for a server, with the description of the notes.
fn fuzz(dir: &TestDir, (server, port): &(PathBuf, u16), options: &[&str]) -> assert_cmd::Command {
    let mut command = dir.sockfuzz();
    command.args(["fuzz", "-t", "2000", "--openapi", "notes.yaml", "--mutator", "none"]);
    command.args(options).arg("--").arg(server).arg(port.to_string());
    command
}

const FEW: [&str; 2] = ["--afl", "-s 1 -c - -E 500"];

/// Returns the titles of the bugs that triage has made of the campaign in `out`.
fn titles(dir: &TestDir) -> Vec<String> {
    let folders = fs::read_dir(dir.path("out/findings")).into_iter().flatten().flatten();
    let text = folders.filter_map(|folder| fs::read_to_string(folder.path().join("README.md")).ok());
    let mut titles: Vec<_> =
        text.filter_map(|text| Some(text.lines().next()?.trim_start_matches("# ").to_owned())).collect();
    titles.sort();
    titles
}

#[test]
fn wrong_answers_become_bugs() {
    let dir = TestDir::new();
    let Some(server) = server(&dir, "#define WRONG\n") else { return };
    let options =
        [&FEW[..], &["--findings", "5xx,spec", "--junit", "junit.xml", "--sarif", "it.sarif"]].concat();
    fuzz(&dir, &server, &options).assert().code(0).stderr(contains("3 wrong answers"));
    assert_eq!(titles(&dir), FAULTS);
    for (file, words) in [("junit.xml", "wrong answer"), ("it.sarif", "\"wrong-answer\"")] {
        let text = fs::read_to_string(dir.path(file)).expect("written");
        assert!(text.contains(words) && text.contains("DELETE /notes/{id} answers 500"), "{file}: {text}");
    }
    let scripts = fs::read_dir(dir.path("out/findings")).expect("triaged").flatten();
    assert!(scripts.filter(|folder| folder.path().join("reproduce.py").exists()).count() == 3);
    dir.sockfuzz().args(["replay", "out"]).assert().code(FOUND).stdout(
        contains("=> WRONG ANSWER: DELETE /notes/{id} answers 500").and(contains("1 is not of type")),
    );
    // Nothing is found a second time.
    fuzz(&dir, &server, &[&FEW[..], &["--findings", "5xx,spec", "--until", "2min"]].concat())
        .assert()
        .code(0)
        .stderr(contains("0 new bugs; 3 bugs are known"));
}

#[test]
fn a_wrong_answer_stops_the_campaign() {
    let dir = TestDir::new();
    let Some(server) = server(&dir, "#define WRONG\n") else { return };
    let options = ["--afl", "-s 1 -c -", "--findings", "5xx", "--until", "4min,finding"];
    fuzz(&dir, &server, &options)
        .assert()
        .code(FOUND)
        .stderr(contains("stopped: a new finding: ").and(contains("new: DELETE /notes/{id} answers 500")));
    assert_eq!(titles(&dir), &FAULTS[..1]);
}

#[test]
fn a_right_server_has_no_wrong_answers() {
    let dir = TestDir::new();
    let Some(server) = server(&dir, "") else { return };
    fuzz(
        &dir,
        &server,
        &[&FEW[..], &["--findings", "5xx", "--findings", "spec", "--until", "2min"]].concat(),
    )
    .assert()
    .code(0)
    .stderr(contains("0 new bugs").and(contains("wrong answers").not().or(contains("0 new wrong answers"))));
    assert!(!dir.path("out/sockfuzz-judge/wrong-answers").exists());
}

#[test]
fn answers_are_findings_only_where_the_user_asks() {
    let dir = TestDir::new();
    let Some(server) = server(&dir, "#define WRONG\n") else { return };
    fuzz(&dir, &server, &FEW).assert().code(0);
    assert!(!dir.path("out/sockfuzz-judge").exists());
}

/// The server answers 500 in the sandbox, and 200 to its users.
#[test]
fn what_only_the_sandbox_causes_is_no_finding() {
    let dir = TestDir::not_temporary();
    if !allows_sandbox(&dir) {
        return;
    }
    let Some(server) = server(&dir, "#define NEEDS_FILE\n") else { return };
    fuzz(&dir, &server, &[&FEW[..], &["--findings", "5xx", "--no-triage"]].concat()).assert().code(0);
    let status = sockfuzz::server::status_file::StatusFile::existing(&dir.path("out/sockfuzz.status"));
    let errors = status.expect("a page").count(sockfuzz_protocol::Counter::ServerErrors);
    assert!(errors > 0, "the sandbox has refused the file");
    assert!(!dir.path("out/sockfuzz-judge/wrong-answers").exists());
}

#[test]
fn the_description_guides_the_campaign() {
    let dir = TestDir::new();
    let Some(server) = server(&dir, "") else { return };
    fuzz(&dir, &server, &FEW).assert().code(0).stderr(contains("notes.yaml: 5 requests"));
    let dictionary = fs::read_to_string(dir.path("out/sockfuzz.dict")).expect("written");
    assert!(
        dictionary.contains("\"\\\"title\\\":\"\n") && dictionary.contains("Content-Length"),
        "{dictionary}"
    );
    assert!(!dir.path("corpus").exists() && dir.path("out/sockfuzz-seeds/corpus").exists());
    dir.sockfuzz()
        .args(["check", "--no-loop", "--openapi", "notes.yaml", "--"])
        .arg(&server.0)
        .assert()
        .code(0)
        .stdout(contains("201 Created"));
}

#[test]
fn options_that_cannot_be_used_are_refused() {
    let dir = TestDir::new();
    dir.write("not.yaml", b"a: b\n");
    for (options, words) in [
        (&["--findings", "spec"][..], "needs a description"),
        (&["--openapi", "not.yaml"], "is no description of an API"),
        (&["--findings", "4xx"], "give 5xx, or spec"),
    ] {
        dir.sockfuzz().arg("fuzz").args(options).assert().failure().stderr(contains(words));
    }
}
