//! `sockfuzz run`: stdin, answer and exit status pass through.

mod common;

use common::TestDir;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn the_answer_and_nothing_else_is_on_stdout() {
    let dir = TestDir::new();
    let server = dir.server("blocking");
    dir.sockfuzz().args(["run", "--"]).arg(server).write_stdin(REQUEST).assert().code(0).stdout(
        "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
             Content-Length: 2\r\n\r\nhi",
    );
}

#[test]
fn both_transports_give_the_same_answer() {
    let dir = TestDir::new();
    let server = dir.server("blocking");
    let answer = |transport: &str| {
        let mut command = dir.sockfuzz();
        command.args(["run", "--transport", transport, "--"]).arg(&server).write_stdin(REQUEST);
        command.assert().code(0).get_output().stdout.clone()
    };
    assert_eq!(answer("tcp"), answer("unix"));
}

#[test]
fn the_status_of_a_server_that_exits_early_is_returned() {
    let dir = TestDir::new();
    let server = dir.server("blocking");
    dir.sockfuzz()
        .args(["run", "--"])
        .arg(server)
        .write_stdin("EXIT\r\n\r\n")
        .assert()
        .code(7)
        .stderr(contains("before its answer was complete: exit status 7"));
}

#[test]
fn the_signal_of_a_server_that_crashes_is_returned() {
    let dir = TestDir::new();
    let server = dir.server("blocking");
    dir.sockfuzz()
        .args(["run", "--"])
        .arg(server)
        .write_stdin("CRASH\r\n\r\n")
        .assert()
        .code(128 + 6)
        .stderr(contains("before its answer was complete: SIGABRT (signal 6)"));
}

#[test]
fn a_server_that_never_listens_times_out() {
    let dir = TestDir::new();
    let server = dir.server("never_listens");
    dir.sockfuzz()
        .args(["run", "--timeout", "1", "--"])
        .arg(server)
        .write_stdin(REQUEST)
        .assert()
        .code(15)
        .stderr(contains("never listens").and(contains("remedy: ")));
}

#[test]
fn a_server_that_ends_without_serving_fails_even_with_status_zero() {
    let dir = TestDir::new();
    dir.sockfuzz()
        .args(["run", "--", "true"])
        .assert()
        .code(13)
        .stderr(contains("exits at once: exit status 0"));
}

/// As for any filter, a reader that closes the pipe early causes no failure.
#[test]
fn a_closed_stdout_causes_no_failure() {
    let dir = TestDir::new();
    let (reader, writer) = std::io::pipe().expect("pipe");
    drop(reader);
    let input = dir.write("input", REQUEST.as_bytes());
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_sockfuzz"))
        .args(["run", "--"])
        .arg(dir.server("blocking"))
        .stdin(std::fs::File::open(input).expect("written"))
        .stdout(writer)
        .output()
        .expect("sockfuzz starts");
    assert_eq!((output.status.code(), &*String::from_utf8_lossy(&output.stderr)), (Some(0), ""));
}
