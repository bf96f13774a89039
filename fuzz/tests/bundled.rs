//! Bundled server in each of its concurrency models: every bundled seed is answered through the preload as over
//! real TCP.

mod common;

use std::path::PathBuf;
use std::process::Command;

use common::{TestDir, program_with};
use predicates::str::contains;
use sockfuzz::util::workspace::{Workspace, cargo};

/// Builds the bundled server without instrumentation, and returns its path.
fn server(model: &str) -> PathBuf {
    let workspace = Workspace::find().expect("tests run in the workspace");
    let status = Command::new(cargo())
        .current_dir(workspace.path(""))
        .args(["build", "--release", "--quiet", "--package", "sockfuzz-harness"])
        .arg("--target-dir")
        .arg(workspace.target(""))
        .status()
        .expect("cargo runs");
    assert!(status.success(), "the bundled server compiles");
    workspace.target("release").join(program_with(model, false))
}

fn answers_as_over_tcp(model: &str) {
    for transport in ["unix", "memory"] {
        TestDir::new()
            .sockfuzz()
            .args(["check", "--timeout", "20", "--transport", transport, "--"])
            .arg(server(model))
            .args(["--model", model, "--listen", "127.0.0.1:0"])
            .assert()
            .code(0)
            .stdout(contains("seeds: answered as over TCP"));
    }
}

#[test]
fn accept_threads() {
    answers_as_over_tcp("accept-threads");
}

#[test]
fn thread_per_connection() {
    answers_as_over_tcp("thread-per-connection");
}

#[test]
fn pool() {
    answers_as_over_tcp("pool");
}

#[test]
fn poll() {
    answers_as_over_tcp("poll");
}

#[test]
fn epoll() {
    answers_as_over_tcp("epoll");
}

#[test]
fn tokio() {
    answers_as_over_tcp("tokio");
}
