//! Record of a campaign, and its use when the campaign is resumed or replayed.

mod common;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use common::TestDir;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use sockfuzz::campaign::cargo_afl::CargoAfl;

/// Builds the instrumented server that crashes at `CRASH`; `None` if the test has to be skipped.
fn server(dir: &TestDir) -> Option<PathBuf> {
    dir.instrumented_server("blocking", &CargoAfl::find_or_install().expect("cargo-afl"))
}

fn fuzz(dir: &TestDir, server: &Path) -> assert_cmd::Command {
    let mut command = dir.sockfuzz();
    command.args(["fuzz", "-t", "2000", "--mutator", "none", "--afl", "-c - -E 300", "-i", "corpus", "--"]);
    command.arg(server);
    command
}

/// Whether the queue contains a seed with this name.
fn is_queued(dir: &TestDir, name: &str) -> bool {
    let queue = fs::read_dir(dir.path("out/default/queue")).expect("a queue");
    queue.flatten().any(|entry| entry.file_name().to_string_lossy().ends_with(&format!("orig:{name}")))
}

#[test]
fn a_seed_that_crashes_is_a_finding_and_fuzzing_goes_on() {
    let dir = TestDir::new();
    let Some(server) = server(&dir) else { return };
    dir.corpus();
    dir.write("corpus/sub/crash", b"CRASH\r\n\r\n");
    fuzz(&dir, &server).assert().code(0).stderr(
        contains("seeds that crash the server: 1, that hang it: 0; they are findings")
            .and(contains("of seeds, before fuzzing: 1 crash, 0 hangs"))
            .and(contains(format!("sockfuzz replay {}", dir.path("out").display()))),
    );
    assert!(is_queued(&dir, "get"));
    dir.sockfuzz()
        .args(["replay", "out/sockfuzz-seeds"])
        .assert()
        .code(4)
        .stdout(contains("=> CRASH: SIGABRT (signal 6)"));
    dir.sockfuzz().args(["replay", "out"]).assert().stdout(contains("=> CRASH: SIGABRT (signal 6)"));
}

#[test]
fn only_seeds_that_crash_are_refused_and_saved() {
    let dir = TestDir::new();
    let Some(server) = server(&dir) else { return };
    dir.write("corpus/crash", b"CRASH\r\n\r\n");
    fuzz(&dir, &server).assert().code(5).stderr(contains("every seed crashes or hangs the server"));
    dir.sockfuzz().args(["replay", "out"]).assert().code(4);
}

#[test]
fn seeds_that_all_time_out_are_refused_with_the_time_limit() {
    let dir = TestDir::new();
    let Some(server) = server(&dir) else { return };
    dir.write("corpus/hang", b"HANG\r\n\r\n");
    dir.sockfuzz()
        .args(["fuzz", "--no-check", "--mutator", "none", "--afl", "-c - -E 300", "-i", "corpus", "--"])
        .arg(&server)
        .assert()
        .code(5)
        .stderr(contains("raise --timeout"));
}

#[test]
fn new_seeds_and_a_changed_program_are_noticed_on_resumption() {
    let dir = TestDir::new();
    let Some(server) = server(&dir) else { return };
    dir.corpus();
    fuzz(&dir, &server).assert().code(0);
    dir.write("corpus/new", b"POST /new HTTP/1.1\r\n\r\n");
    OpenOptions::new().append(true).open(&server).and_then(|mut file| file.write_all(b"x")).expect("append");
    fuzz(&dir, &server).assert().code(0).stderr(
        contains("resuming")
            .and(contains("1 new seed put into the queue"))
            .and(contains("the server's program has changed")),
    );
    assert!(is_queued(&dir, "new"));
    fuzz(&dir, &server).assert().code(0).stderr(contains("new seed").not().and(contains("changed").not()));
}
