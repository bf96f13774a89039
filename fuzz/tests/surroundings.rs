//! Failures of the environment: the message names the cause and the remedy.

mod common;

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use common::{TestDir, skip};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use rustix::process::{Resource, Rlimit, geteuid, setrlimit};
use sockfuzz::campaign::cargo_afl::CargoAfl;

/// Returns the sockfuzz command with the given limits of open files.
fn with_open_files(dir: &TestDir, current: u64, maximum: u64) -> assert_cmd::Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockfuzz"));
    command.current_dir(dir.path(""));
    // SAFETY: `pre_exec` requires a closure that is async-signal-safe; it makes one system call and allocates nothing.
    unsafe {
        command.pre_exec(move || {
            let limit = Rlimit { current: Some(current), maximum: Some(maximum) };
            Ok(setrlimit(Resource::Nofile, limit)?)
        });
    }
    assert_cmd::Command::from_std(command)
}

#[test]
fn too_few_open_files_are_refused() {
    let dir = TestDir::new();
    let server = dir.server("blocking");
    let check = |current, maximum| {
        let mut command = with_open_files(&dir, current, maximum);
        command.args(["check", "-i"]).arg(dir.corpus()).arg("--").arg(&server).assert()
    };
    check(32, 64).code(1).stderr(contains("32 files may be open").and(contains("ulimit -n")));
    // sockfuzz raises the soft limit if the hard limit permits it.
    check(32, 4096).code(0);
}

#[test]
fn a_seccomp_filter_of_the_server_is_named() {
    let dir = TestDir::new();
    let server = dir.server("limits_itself");
    for what in ["kill", "errno"] {
        dir.sockfuzz()
            .args(["check", "-i"])
            .arg(dir.corpus())
            .arg("--")
            .arg(&server)
            .arg(what)
            .assert()
            .failure()
            .stderr(contains("seccomp filter").and(contains("turn it off in the server's configuration")));
    }
}

/// Small file system (tmpfs), which only root can mount. The drop unmounts it.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(path: PathBuf) -> Option<Self> {
        fs::create_dir(&path).expect("mkdir");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=200k", "none"]).arg(&path).status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(path))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(&self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()), "unmounted");
    }
}

#[test]
fn a_full_disk_is_named() {
    let dir = TestDir::new();
    let Some(disk) = SmallDisk::mount(dir.path("small")) else {
        return skip("only root can mount a small file system");
    };
    let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
    let Some(server) = dir.instrumented_server("keeps", &cargo_afl) else { return };
    for number in 0..60 {
        let request = format!("GET /{number} HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(4096));
        dir.write(&format!("seeds/{number}"), request.as_bytes());
    }
    dir.sockfuzz()
        .args(["fuzz", "--no-check", "-i", "seeds", "-o"])
        .arg(disk.0.join("out"))
        .args(["--afl", "-E 1000", "--"])
        .arg(server)
        .assert()
        .code(5)
        .stderr(contains("is full").and(contains("make room there")));
}

/// The forkserver cannot fork: sockfuzz shows the message that the preload prints in the loop.
#[test]
fn a_limit_of_processes_is_named() {
    if !geteuid().is_root() {
        // RLIMIT_NPROC counts all processes of a user, and an ordinary user has others.
        return;
    }
    let dir = TestDir::new();
    let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
    let Some(server) = dir.instrumented_server("limits_itself", &cargo_afl) else { return };
    dir.sockfuzz()
        .args(["check", "-i"])
        .arg(dir.corpus())
        .arg("--")
        .arg(&server)
        .arg("processes")
        .assert()
        .code(5)
        .stderr(contains("the server cannot be forked").and(contains("RLIMIT_NPROC")));
}
