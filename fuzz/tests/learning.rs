//! Words that the mutator learns of a server, in campaigns of the real afl-fuzz that are limited by the number of executions.

mod common;

use std::fs;
use std::path::Path;

use common::{TestDir, installed, stat};
use predicates::str::contains;
use sockfuzz::campaign::cargo_afl::CargoAfl;

/// Fuzzes a target program until it crashes, and returns the names of its crashes. Comparisons are not instrumented, so
/// that AFL++ finds no word by itself.
fn crashes(dir: &TestDir, name: &str, shown: &str) -> Vec<String> {
    let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
    let server = dir.loop_target(name, "clang", &["-fsanitize-coverage=trace-pc-guard"], &cargo_afl);
    let mut command = dir.sockfuzz();
    command.args(["fuzz", "--no-check", "--no-triage", "-t", "2000", "--afl", "-E 60000 -s 1", "-i"]);
    command.arg(dir.corpus()).arg("-o").arg(dir.path("out")).arg("--").arg(server);
    command.env("AFL_BENCH_UNTIL_CRASH", "1").assert().success().stderr(contains(shown));
    assert!(stat(&dir.path("out"), "default", "saved_crashes") >= 1.0, "{name}");
    names_in(&dir.path("out/default/crashes"))
}

fn names_in(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    entries.map(|entry| entry.expect("readable").file_name().into_string().expect("UTF-8")).collect()
}

#[test]
fn has_a_route() {
    let Some(_) = installed("clang", "clang") else { return };
    let dir = TestDir::new();
    let crashes = crashes(&dir, "has_a_route", "the mutator knows of the executable");
    assert!(crashes.iter().any(|name| name.contains("learned_path")), "{crashes:?}");
    let words = fs::read_to_string(dir.path("out/sockfuzz.words")).expect("words");
    assert!(words.lines().any(|word| word == "/qzx/inventory"), "{words}");
}

#[test]
fn hands_out_an_id() {
    let Some(_) = installed("clang", "clang") else { return };
    let dir = TestDir::new();
    let crashes = crashes(&dir, "hands_out_an_id", "the mutator knows of the executable");
    assert!(crashes.iter().any(|name| name.contains("learned_")), "{crashes:?}");
}
