//! `sockfuzz certificate`, which makes certificates for servers that speak TLS.

mod common;

use std::fs;

use common::TestDir;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::{contains, is_empty};

#[test]
fn a_set_is_made_once_and_then_kept() {
    let dir = TestDir::new();
    let files = || contains("tls/server.crt").and(contains("tls/client.key"));
    let command = |flags: &[&str]| {
        let mut command = dir.sockfuzz();
        command.args(["certificate", "-o", "tls"]).args(flags);
        command
    };
    command(&[]).assert().code(0).stdout(files()).stderr(is_empty());
    let first = fs::read(dir.path("tls/server.key")).expect("made");
    command(&[]).assert().code(0).stdout(files()).stderr(contains("kept; --force makes new ones"));
    assert_eq!(fs::read(dir.path("tls/server.key")).expect("kept"), first);
    command(&["--force"]).assert().code(0);
    assert_ne!(fs::read(dir.path("tls/server.key")).expect("replaced"), first);
}

#[test]
fn a_part_of_a_set_is_refused() {
    let dir = TestDir::new();
    let key = dir.write("tls/server.key", b"mine");
    dir.sockfuzz()
        .args(["certificate", "-o", "tls"])
        .assert()
        .code(1)
        .stderr(contains("tls has server.key, but not ca.crt").and(contains("--force")));
    assert_eq!(fs::read(key).expect("left"), b"mine");
}
