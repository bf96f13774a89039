//! `sockfuzz.toml`: commands that need no arguments, and `sockfuzz init`, which writes it.

mod common;

use std::fs;
use std::path::PathBuf;

use assert_cmd::assert::Assert;
use common::{TestDir, stat};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use sockfuzz::campaign::cargo_afl::CargoAfl;

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// Writes a project file for a tiny server, whose path and argument have a space.
fn project(dir: &TestDir, more: &str) {
    let server = dir.server("blocking");
    let own = dir.write("the server/blocking", b"");
    fs::rename(server, own).expect("renamed");
    let file = format!("server = \"'the server/blocking' 'an argument'\"\n{more}");
    dir.write("sockfuzz.toml", file.as_bytes());
}

fn run(dir: &TestDir, arguments: &[&str]) -> Assert {
    dir.sockfuzz().args(["-v", "run"]).args(arguments).write_stdin(REQUEST).assert()
}

/// Asserts that a file is refused with this message.
fn assert_refused(content: &str, message: &str) {
    let dir = TestDir::new();
    dir.write("sockfuzz.toml", content.as_bytes());
    dir.sockfuzz().arg("fuzz").assert().code(1).stderr(contains(message));
}

#[test]
fn the_file_gives_server_options_and_variables() {
    let dir = TestDir::new();
    project(&dir, "transport = \"tcp\"\nspare = false\n[env]\nCOLOUR = \"light blue\"\n[run]\ntimeout = 7\n");
    run(&dir, &[])
        .code(0)
        .stdout(contains("200 OK"))
        .stderr(contains("sockfuzz: using sockfuzz.toml"))
        .stderr(contains("'COLOUR=light blue'").or(contains("COLOUR='light blue'")))
        .stderr(contains("SOCKFUZZ_TRANSPORT=tcp").and(contains("SOCKFUZZ_SPARE=off")))
        .stderr(contains("--timeout=7").and(contains("'an argument'")));
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let dir = TestDir::new();
    project(&dir, "transport = \"tcp\"\n[env]\nA = \"file\"\nB = \"file\"\n");
    run(&dir, &["--transport", "memory", "--env", "A=flag"])
        .code(0)
        .stderr(contains("SOCKFUZZ_TRANSPORT=memory").and(contains("SOCKFUZZ_TRANSPORT=tcp").not()))
        .stderr(contains("A=flag B=file"));
    let mut command = dir.sockfuzz();
    command.env("SOCKFUZZ_TRANSPORT", "unix").args(["-v", "run"]).write_stdin(REQUEST);
    command.assert().code(0).stderr(contains("transport=tcp").not());
}

#[test]
fn a_file_in_a_directory_above_is_used_from_there() {
    let dir = TestDir::new();
    project(&dir, "writable = [\"logs\"]\n[run]\npreload = \"nowhere.so\"\n");
    dir.write("below/deeper/file", b"");
    let below = || {
        let mut command = dir.sockfuzz();
        command.current_dir(dir.path("below/deeper")).args(["-v", "run"]).write_stdin(REQUEST);
        command
    };
    let file = dir.path("sockfuzz.toml").display().to_string();
    let logs = dir.path("logs").display().to_string();
    let library = dir.path("nowhere.so").display().to_string();
    below().assert().code(1).stderr(contains(file).and(contains(logs)).and(contains(library)));
    // A path of the user is relative to the user's directory.
    let own = dir.path("below/deeper/own.so").display().to_string();
    below().args(["--preload", "own.so"]).assert().code(1).stderr(contains(own));
    fs::create_dir(dir.path("below/.git")).expect("created");
    below().assert().code(2).stderr(contains("SERVER ARGS"));
}

#[test]
fn with_a_server_on_the_command_line_the_file_is_not_read() {
    let dir = TestDir::new();
    dir.write("sockfuzz.toml", b"unknown = 1");
    let server = dir.server("blocking").display().to_string();
    run(&dir, &["--", &server]).code(0).stderr(contains("sockfuzz.toml").not());
}

#[test]
fn the_build_runs_first_and_its_failure_ends_the_command() {
    let dir = TestDir::new();
    project(&dir, "build = \"touch built && which sockfuzz && test ! -e broken\"\n");
    run(&dir, &[]).code(0).stdout(contains("200 OK"));
    assert!(dir.path("built").exists());
    dir.write("broken", b"");
    run(&dir, &[]).code(1).stderr(contains("failed; the output is above"));
    run(&dir, &["--no-build"]).code(0).stdout(contains("200 OK"));
    run(&dir, &["--build", "true"]).code(0).stdout(contains("200 OK"));
}

#[test]
fn what_is_wrong_in_the_file_is_named_with_its_line() {
    assert_refused("\njbos = 4", "sockfuzz.toml:2: unknown key jbos; did you mean jobs?");
    assert_refused(
        "[check]\ntimout = 4",
        "sockfuzz.toml:2: unknown key timout in [check]; did you mean timeout?",
    );
    assert_refused("jobs = \"many\"", "sockfuzz.toml:1: jobs: invalid value 'many'");
    assert_refused("jobs = [1]", "jobs: expected N, found: array");
    assert_refused("no-triage = 1", "no-triage: expected true or false, found: integer");
    assert_refused("build = 3", "build: expected COMMAND, a string, found: integer");
    assert_refused("transport = \"pigeon\"", "give auto|unix|tcp|memory");
    assert_refused("until = [\"10min\", \"soon\"]", "sockfuzz.toml:1: until: invalid value 'soon'");
    assert_refused("planted = true", "unknown key planted");
    assert_refused("check = 3", "check: expected a table ([check]), found: integer");
    assert_refused("[env]\nSOCKFUZZ_PORT = 3", "SOCKFUZZ_PORT is an option of sockfuzz");
    assert_refused("server = \"a 'b\"", "sockfuzz.toml:1: server: missing closing quote");
    assert_refused("a", "sockfuzz.toml:1: ");
    assert_refused("jobs = 2", "sockfuzz.toml names no server");
}

/// `bundle` and `check` need no server either; the bundle has the variables.
#[test]
fn bundle_and_check_read_it() {
    let dir = TestDir::new();
    dir.corpus();
    project(
        &dir,
        "corpus = \"corpus\"\nuninstrumented = true\n[env]\nCOLOUR = \"blue\"\n[check]\nno-loop = true\n",
    );
    dir.sockfuzz().arg("check").assert().code(0).stdout(contains("1 seed: answered as over TCP"));
    dir.sockfuzz().args(["bundle", "-o", "made"]).assert().code(0);
    let description =
        fs::read_to_string(dir.path("made/blocking_fuzzer_files/bundle.toml")).expect("described");
    assert!(
        description.contains("COLOUR = \"blue\"") && description.contains("an argument"),
        "{description}"
    );
}

fn instrumented(dir: &TestDir) -> Option<PathBuf> {
    dir.instrumented_server("blocking", &CargoAfl::find_or_install().expect("cargo-afl"))
}

/// `init`, `fuzz` and `replay` with nothing else.
#[test]
fn a_campaign_needs_no_arguments_after_init() {
    let dir = TestDir::new();
    let Some(_) = instrumented(&dir) else { return };
    dir.write("seeds/get", REQUEST.as_bytes());
    let init = || {
        let mut command = dir.sockfuzz();
        command.args(["init", "--env", "COLOUR=light blue", "--", "./blocking", "it's"]);
        command
    };
    init().assert().code(0).stdout(contains("instrumented").and(contains("next    sockfuzz fuzz")));
    let file = fs::read_to_string(dir.path("sockfuzz.toml")).expect("written");
    assert!(file.contains("COLOUR") && file.contains("It listens on port"), "{file}");
    init().assert().code(1).stderr(contains("sockfuzz.toml exists"));
    assert_eq!(fs::read_to_string(dir.path("sockfuzz.toml")).expect("there"), file);

    let file = file
        .replace("# corpus = \"seeds\"", "corpus = \"seeds\"")
        .replace("# jobs", "no-triage = true\n# jobs");
    dir.write("sockfuzz.toml", (file.replace("# output = \"out\"", "output = \"found\"")).as_bytes());
    dir.sockfuzz()
        .args(["fuzz", "--no-check", "--mutator", "none", "-t", "2000", "--afl", "-E 300 -s 1 -c -"])
        .assert()
        .code(0);
    assert!(stat(&dir.path("found"), "default", "execs_done") >= 300.0);
    let record = fs::read_to_string(dir.path("found/sockfuzz.json")).expect("recorded");
    assert!(record.contains("it's") && record.contains("light blue"), "{record}");
    dir.sockfuzz()
        .args(["replay", "found/default/queue"])
        .assert()
        .code(0)
        .stderr(contains("server of the campaign"));
    dir.sockfuzz().arg("triage").assert().code(0);
}

#[test]
fn init_writes_what_it_knows_of_a_server_that_cannot_be_fuzzed() {
    let dir = TestDir::new();
    dir.server("blocking");
    dir.sockfuzz().args(["init", "--", "./blocking"]).assert().code(12).stderr(contains("not instrumented"));
    let file = fs::read_to_string(dir.path("sockfuzz.toml")).expect("written");
    assert!(file.contains("server = \"./blocking\"") && file.contains("# Missing: the server"), "{file}");
    let dir = TestDir::new();
    dir.server("exits");
    dir.sockfuzz().args(["init", "--", "./exits"]).assert().code(13).stderr(contains("it ended"));
    let dir = TestDir::new();
    dir.write("Makefile", b"");
    dir.sockfuzz().arg("init").assert().code(1).stderr(contains("make CC='sockfuzz cc'"));
    assert!(!dir.path("sockfuzz.toml").exists());
}
