//! Descriptions of APIs that servers serve themselves, as guides of campaigns.

mod common;

use std::fs;
use std::path::Path;

use common::TestDir;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use sockfuzz::campaign::cargo_afl::CargoAfl;

const FOUND: &str = "the server describes its API at /v3/api-docs: ";

/// Returns the command that fuzzes a server for a few executions.
fn fuzz(dir: &TestDir, server: &Path, options: &[&str]) -> assert_cmd::Command {
    let mut command = dir.sockfuzz();
    command.args(["fuzz", "-t", "2000", "--mutator", "none", "--no-triage", "--afl", "-c - -E 200"]);
    command.args(options).arg("--").arg(server);
    command
}

#[test]
fn describes_itself() {
    let dir = TestDir::new();
    let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
    let Some(server) = dir.instrumented_server("describes_itself", &cargo_afl) else { return };
    fuzz(&dir, &server, &[]).assert().code(0).stderr(contains(FOUND).and(contains("--no-openapi")));
    let read = |name: &str| fs::read_to_string(dir.path(name)).expect("written");
    assert_eq!(read("out/sockfuzz.routes"), "GET /parcels\nDELETE /parcels/{id}\n");
    assert!(read("out/sockfuzz.dict").contains("page_size"));
    let queue = fs::read_dir(dir.path("out/default/queue")).expect("a queue").flatten();
    let files = queue.map(|file| file.path()).filter(|path| path.is_file());
    let inputs: Vec<_> = files.map(|file| fs::read(file).expect("readable")).collect();
    let has = |word: &[u8]| inputs.iter().any(|input| input.windows(word.len()).any(|part| part == word));
    assert!(has(b"DELETE /parcels/blue-box HTTP") && has(b"GET /parcels?page_size="));

    let again = fuzz(&dir, &server, &[]).assert().code(0);
    again.stderr(contains("as the server has served it").and(contains(FOUND).not()));
    let without = fuzz(&dir, &server, &["--no-openapi", "-o", "without"]).assert().code(0);
    without.stderr(contains(FOUND).not());
    assert!(!dir.path("without/sockfuzz.openapi.json").exists());
}

#[test]
fn a_description_that_cannot_be_used_does_not_end_the_campaign() {
    let dir = TestDir::new();
    let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
    let Some(server) = dir.instrumented_server("describes_itself", &cargo_afl) else { return };
    let mut command = fuzz(&dir, &server, &[]);
    command.arg("2").assert().code(0).stderr(contains("version 2 (Swagger)").and(contains("remedy")));
}
