//! Manners of the command line: the server without `--`, completions, manual pages, versions.

mod common;

use std::fs;

use common::TestDir;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;

/// The server's own options follow it.
#[test]
fn the_server_needs_no_dashes_before_it() {
    let dir = TestDir::new();
    let server = dir.server("blocking");
    let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for dashes in [&[][..], &["--"]] {
        dir.sockfuzz()
            .args(["run", "--timeout", "5"])
            .args(dashes)
            .arg(&server)
            .args(["--timeout", "-x"])
            .write_stdin(request)
            .assert()
            .code(0)
            .stdout(contains("HTTP/1.1 200 OK"));
    }
}

#[test]
fn an_unknown_option_before_the_server_is_refused() {
    TestDir::new()
        .sockfuzz()
        .args(["fuzz", "--bogus", "./server"])
        .assert()
        .code(2)
        .stderr(contains("unexpected argument '--bogus'"));
}

#[test]
fn completions_name_the_subcommands() {
    for shell in ["bash", "zsh", "fish"] {
        TestDir::new()
            .sockfuzz()
            .args(["completions", shell])
            .assert()
            .code(0)
            .stdout(contains("replay").and(contains("uninstrumented")));
    }
}

#[test]
fn manual_pages_are_written() {
    let dir = TestDir::new();
    dir.sockfuzz().args(["man", "."]).assert().code(0);
    let page = fs::read_to_string(dir.path("sockfuzz-fuzz.1")).expect("a page for each subcommand");
    assert!(page.contains(".TH") && page.contains("dictionary"));
}

#[test]
fn the_long_version_names_afl() {
    TestDir::new().sockfuzz().arg("--version").assert().code(0).stdout(contains("AFL++ 4.20 or later"));
    TestDir::new().sockfuzz().arg("-V").assert().code(0).stdout(contains("AFL++").not());
}

#[test]
fn quiet_leaves_results_and_verbose_adds_commands() {
    let dir = TestDir::new();
    let server = dir.server("blocking");
    let check = |flag: &str| {
        dir.sockfuzz()
            .args(["check", flag, "--no-loop", "-i"])
            .arg(dir.corpus())
            .arg(&server)
            .assert()
            .code(0)
    };
    check("-q").stdout(contains("answered as over TCP")).stderr("");
    check("--verbose").stderr(contains("sockfuzz: + ").and(contains("SOCKFUZZ_MODE=once")));
}
