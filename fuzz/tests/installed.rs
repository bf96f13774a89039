//! An installed sockfuzz: one file, which works in any directory and without the source tree.

mod common;

use std::fs;
use std::process::Command;

use assert_cmd::assert::OutputAssertExt;
use common::{TestDir, workspace};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use sockfuzz_protocol::PRELOAD_FILE;

/// Command that runs the installed program in a directory, with a home there.
fn sockfuzz(dir: &TestDir) -> Command {
    let mut command = Command::new(dir.path("bin/sockfuzz"));
    command.current_dir(dir.path("")).env("HOME", dir.path("home")).env_remove("XDG_CACHE_HOME");
    command
}

#[test]
fn an_installed_program_needs_no_source_tree() {
    let dir = TestDir::new();
    let status = Command::new(env!("CARGO"))
        .args(["install", "--quiet", "--no-track", "--path", env!("CARGO_MANIFEST_DIR"), "--root"])
        .arg(dir.path(""))
        .env("CARGO_TARGET_DIR", workspace().target("installed"))
        // What is tested here does not depend on it, and the build takes a quarter of the time.
        .envs([("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"), ("CARGO_PROFILE_RELEASE_DEBUG", "false")])
        .status()
        .expect("cargo starts");
    assert!(status.success(), "sockfuzz can be installed");
    let server = dir.server("blocking");
    fs::create_dir(dir.path("home")).expect("mkdir");
    sockfuzz(&dir)
        .args(["check", "--no-loop", "--"])
        .arg(&server)
        .assert()
        .code(0)
        .stdout(contains("seeds: answered as over TCP"));
    let cache = fs::read_dir(dir.path("home/.cache/sockfuzz")).expect("unpacked");
    let unpacked: Vec<_> = cache.map(|entry| entry.expect("an entry").path()).collect();
    assert_eq!(unpacked.len(), 1, "{unpacked:?}");
    assert!(unpacked[0].join("lib").join(PRELOAD_FILE).exists());
    assert!(unpacked[0].join("corpus/http1").is_dir());

    sockfuzz(&dir)
        .env("XDG_CACHE_HOME", dir.write("file", b""))
        .args(["check", "--"])
        .arg(&server)
        .assert()
        .code(1)
        .stderr(contains("cannot unpack sockfuzz's files into").and(contains("set XDG_CACHE_HOME")));
}
