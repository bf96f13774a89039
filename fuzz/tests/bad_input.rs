//! User errors: each causes one clear message with the remedy, and an exit status of its own. No test leaves a
//! process behind, because the servers end with sockfuzz.

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use common::TestDir;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;

/// Asserts that `check` on this server fails with this exit status, these words, and a remedy.
fn check_refuses(dir: &TestDir, server: &Path, code: i32, words: &str) {
    let corpus = dir.corpus();
    dir.sockfuzz()
        .args(["check", "--timeout", "1", "-i"])
        .arg(corpus)
        .arg("--")
        .arg(server)
        .assert()
        .code(code)
        .stderr(contains(words).and(contains("remedy: ")));
}

/// Asserts that `fuzz` with these arguments fails with this exit status, these words, and a remedy.
fn fuzz_refuses(dir: &TestDir, arguments: &[&Path], code: i32, words: &str) {
    dir.sockfuzz()
        .arg("fuzz")
        .args(arguments)
        .assert()
        .code(code)
        .stderr(contains(words).and(contains("remedy: ")));
}

#[test]
fn missing_server() {
    let dir = TestDir::new();
    check_refuses(&dir, &dir.path("nowhere"), 10, "does not exist");
}

#[test]
fn server_that_is_not_executable() {
    let dir = TestDir::new();
    let server = dir.write("server", b"\x7fELF");
    check_refuses(&dir, &server, 10, "is not executable");
}

#[test]
fn static_server() {
    let dir = TestDir::new();
    let server = dir.server_with("blocking", &["-static"]);
    check_refuses(&dir, &server, 11, "statically linked");
}

#[test]
fn static_position_independent_server() {
    let dir = TestDir::new();
    let server = dir.server_with("blocking", &["-static-pie"]);
    check_refuses(&dir, &server, 11, "statically linked");
}

#[test]
fn server_that_is_not_instrumented() {
    let dir = TestDir::new();
    let server = dir.server("blocking");
    let corpus = dir.corpus();
    let arguments = ["-i".as_ref(), &*corpus, "--".as_ref(), &*server];
    fuzz_refuses(&dir, &arguments, 12, "not instrumented");
    fuzz_refuses(&dir, &arguments, 12, "with --uninstrumented");
}

#[test]
fn server_that_was_stripped_of_its_instrumentation() {
    let dir = TestDir::new();
    let server = dir.server_with("blocking", &["-DINSTRUMENTED", "-s"]);
    let corpus = dir.corpus();
    let arguments = ["--uninstrumented".as_ref(), "-i".as_ref(), &*corpus, "--".as_ref(), &*server];
    fuzz_refuses(&dir, &arguments, 12, "build it without stripping");
}

#[test]
fn loop_afl_of_an_uninstrumented_server() {
    let dir = TestDir::new();
    let server = dir.server("blocking");
    let corpus = dir.corpus();
    let options = ["--uninstrumented", "--loop", "afl", "-i"].map(Path::new);
    let arguments = [&options[..], &[&*corpus, "--".as_ref(), &*server]].concat();
    fuzz_refuses(&dir, &arguments, 1, "--loop afl needs an instrumented server");
}

#[test]
fn server_that_exits_at_once() {
    let dir = TestDir::new();
    let server = dir.server("exits");
    check_refuses(&dir, &server, 13, "exits at once: exit status 3");
    check_refuses(&dir, &server, 13, "output: cannot open server.conf");
}

#[test]
fn server_that_needs_io_uring() {
    let dir = TestDir::new();
    let server = dir.server("needs_io_uring");
    check_refuses(&dir, &server, 13, "the server requires io_uring");
}

#[test]
fn server_that_dies_at_once() {
    let dir = TestDir::new();
    let server = dir.server("killed");
    check_refuses(&dir, &server, 13, "exits at once: SIGSEGV (signal 11)");
}

#[test]
fn server_that_daemonizes() {
    let dir = TestDir::new();
    let server = dir.server("daemonizes");
    check_refuses(&dir, &server, 14, "goes to the background");
}

#[test]
fn server_that_never_listens() {
    let dir = TestDir::new();
    let server = dir.server("never_listens");
    check_refuses(&dir, &server, 15, "never listens");
    check_refuses(&dir, &server, 15, "never_listens in pause");
}

#[test]
fn server_that_never_accepts() {
    let dir = TestDir::new();
    let server = dir.server("never_accepts");
    check_refuses(&dir, &server, 16, "listens, but never accepts");
    check_refuses(&dir, &server, 16, "never_accepts in pause");
}

#[test]
fn server_that_never_answers() {
    let dir = TestDir::new();
    let server = dir.server("never_answers");
    check_refuses(&dir, &server, 17, "answers nothing to 1 seed");
}

#[test]
fn missing_corpus() {
    let dir = TestDir::new();
    let server = dir.server("blocking");
    let nowhere = dir.path("nowhere");
    let arguments = ["-i".as_ref(), &*nowhere, "--".as_ref(), &*server];
    fuzz_refuses(&dir, &arguments, 1, "does not exist");
}

#[test]
fn empty_corpus() {
    let dir = TestDir::new();
    let server = dir.server("blocking");
    let empty = dir.path("empty");
    fs::create_dir(&empty).expect("mkdir");
    let arguments = ["-i".as_ref(), &*empty, "--".as_ref(), &*server];
    fuzz_refuses(&dir, &arguments, 1, "holds no input");
}

#[test]
fn unreadable_corpus() {
    let dir = TestDir::new();
    let server = dir.server("blocking");
    let corpus = dir.corpus();
    // A link to itself is unreadable even for root.
    symlink("loop", corpus.join("loop")).expect("symlink");
    let arguments = ["-i".as_ref(), &*corpus, "--".as_ref(), &*server];
    fuzz_refuses(&dir, &arguments, 1, "cannot be read");
}

#[test]
fn output_directory_of_another_target() {
    let dir = TestDir::new();
    let server = dir.server_with("blocking", &["-DINSTRUMENTED"]);
    let corpus = dir.corpus();
    dir.write("out/default/cmdline", b"/bin/true\n");
    let found = dir.write("out/default/crashes/id:000000", b"precious");
    let arguments = ["-i".as_ref(), &*corpus, "--".as_ref(), &*server];
    fuzz_refuses(&dir, &arguments, 1, "belongs to another server: /");
    assert_eq!(fs::read(found).expect("still there"), b"precious");
}

#[test]
fn output_directory_of_something_else() {
    let dir = TestDir::new();
    let server = dir.server_with("blocking", &["-DINSTRUMENTED"]);
    let corpus = dir.corpus();
    dir.write("out/thesis.tex", b"precious");
    let arguments = ["-i".as_ref(), &*corpus, "--".as_ref(), &*server];
    fuzz_refuses(&dir, &arguments, 1, "neither empty nor");
}

#[test]
fn options_that_sockfuzz_sets_itself() {
    let dir = TestDir::new();
    let server = dir.server_with("blocking", &["-DINSTRUMENTED"]);
    let corpus = dir.corpus();
    let arguments = ["-i".as_ref(), &*corpus, "--afl".as_ref(), "-M main".as_ref(), "--".as_ref(), &*server];
    fuzz_refuses(&dir, &arguments, 1, "-M is set by sockfuzz");
}
