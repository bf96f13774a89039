//! Server that attacks the machine on which it runs: in the sandbox, every attack fails.

mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use common::victims::{ALLOWED, ATTACKS, PRIVATE, Victims, answer};
use common::{TestDir, allows_sandbox, runtime, stat};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use rustix::process::geteuid;
use sockfuzz::campaign::cargo_afl::CargoAfl;

/// User id of an ordinary user (Debian's nobody).
const NOBODY: u32 = 65534;

#[test]
fn every_attack_fails_in_the_sandbox() {
    let dir = TestDir::not_temporary();
    if !allows_sandbox(&dir) {
        return;
    }
    let mut victims = Victims::new(&dir);
    let server = victims.attacked_by(&dir.server("hostile"));
    for transport in ["unix", "tcp"] {
        let options = ["--sandbox", "require", "--transport", transport];
        for letter in ATTACKS.chars() {
            let answer = answer(&dir, &options, &server, letter);
            assert!(answer.contains(&format!("{letter}: ")) && !answer.contains("done"), "{answer}");
        }
        for letter in ALLOWED.chars() {
            assert!(answer(&dir, &options, &server, letter).contains("done"), "{transport} {letter}");
        }
    }
    victims.are_unharmed();
}

/// The attacks are real: nothing but the sandbox prevents them.
#[test]
fn every_attack_succeeds_without_the_sandbox() {
    let dir = TestDir::not_temporary();
    let mut victims = Victims::new(&dir);
    let server = victims.attacked_by(&dir.server("hostile"));
    for letter in "abehmnopqrstuv12i".chars() {
        assert!(answer(&dir, &[], &server, letter).contains("done"), "{letter}");
    }
    assert!(victims.files.join("new").exists());
    victims.listener.accept().expect("somebody came");
    assert!(!victims.process.wait().expect("waitpid").success());
    assert_eq!(victims.segment.attached(), None, "removed");
}

/// Programs write to /tmp by default, and the user may keep files there.
#[test]
fn temporary_directories_are_private() {
    if !allows_sandbox(&TestDir::not_temporary()) {
        return;
    }
    for directory in ["/tmp", "/var/tmp", "/dev/shm"] {
        let Ok(directory) = tempfile::tempdir_in(directory) else { continue };
        let dir = TestDir::new_in(directory);
        let mut victims = Victims::new(&dir);
        let server = victims.attacked_by(&dir.server("hostile"));
        for letter in PRIVATE.chars() {
            let answer = answer(&dir, &["--sandbox", "require"], &server, letter);
            // Attack d moves a file to /tmp, which may be another file system.
            assert!(answer.contains("done") || answer.contains("d: Invalid cross-device link"), "{answer}");
        }
        victims.are_unharmed();
        let options = ["--sandbox", "require", "--writable", "victim"];
        assert!(answer(&dir, &options, &server, 'a').contains("done"));
        assert!(victims.files.join("new").exists());
    }
}

#[test]
fn writable_directories_are_writable() {
    let dir = TestDir::not_temporary();
    if !allows_sandbox(&dir) {
        return;
    }
    let victims = Victims::new(&dir);
    let server = victims.attacked_by(&dir.server("hostile"));
    let options = ["--sandbox", "require", "--writable", "victim"];
    assert!(answer(&dir, &options, &server, 'a').contains("done"));
    assert!(victims.files.join("new").exists());
}

#[test]
fn network_host_allows_the_network() {
    let dir = TestDir::not_temporary();
    if !allows_sandbox(&dir) {
        return;
    }
    let victims = Victims::new(&dir);
    let server = victims.attacked_by(&dir.server("hostile"));
    let options = ["--sandbox", "require", "--network", "host"];
    assert!(answer(&dir, &options, &server, 'h').contains("done"));
    victims.listener.accept().expect("somebody came");
}

/// afl-fuzz continues, and the server cannot access its output directory.
#[test]
fn a_hostile_server_does_not_harm_its_campaign() {
    let dir = TestDir::not_temporary();
    if !allows_sandbox(&dir) {
        return;
    }
    let runtime = runtime(&CargoAfl::find_or_install().expect("cargo-afl"));
    let program = dir.server_with("hostile", &["-DIN_THE_LOOP", runtime.to_str().expect("plain")]);
    let mut victims = Victims::new(&dir);
    let server = victims.attacked_by(&program);
    for letter in ATTACKS.chars().chain(ALLOWED.chars()) {
        dir.write(&format!("attacks/{letter}"), letter.to_string().as_bytes());
    }
    let out = dir.path("out");
    dir.sockfuzz()
        .args(["fuzz", "--sandbox", "require", "-t", "2000", "-i", "attacks", "-o", "out"])
        .args(["--afl", "-c - -E 300", "--"])
        .args(server)
        .assert()
        .code(0);
    victims.are_unharmed();
    assert!(stat(&out, "default", "execs_done") >= 300.0);
    assert_eq!(stat(&out, "default", "saved_crashes"), 0.0);
    assert!(stat(&out, "default", "corpus_count") >= (ATTACKS.len() + ALLOWED.len()) as f64);
}

/// Children of the forkserver have a further Landlock domain, and each domain may deny moves between directories
/// (`LANDLOCK_ACCESS_FS_REFER`, landlock(7)).
#[test]
fn files_move_between_directories_in_a_campaign() {
    let dir = TestDir::not_temporary();
    if !allows_sandbox(&dir) {
        return;
    }
    let runtime = runtime(&CargoAfl::find_or_install().expect("cargo-afl"));
    let program = dir.server_with("renames", &["-DIN_THE_LOOP", runtime.to_str().expect("plain")]);
    fs::create_dir(dir.path("uploads")).expect("mkdir");
    dir.sockfuzz()
        .args(["fuzz", "--sandbox", "require", "--writable", "uploads", "-t", "2000", "-o", "out", "-i"])
        .arg(dir.corpus())
        .args(["--afl", "-c - -E 100", "--"])
        .arg(program)
        .arg(dir.path("uploads"))
        .assert()
        .code(0);
    assert_eq!(stat(&dir.path("out"), "default", "saved_crashes"), 0.0);
    assert!(dir.path("uploads/complete/upload").exists());
}

#[test]
fn an_output_directory_that_the_server_could_write_to_is_refused() {
    let dir = TestDir::not_temporary();
    let runtime = runtime(&CargoAfl::find_or_install().expect("cargo-afl"));
    let program = dir.server_with("hostile", &["-DIN_THE_LOOP", runtime.to_str().expect("plain")]);
    let victims = Victims::new(&dir);
    dir.sockfuzz()
        .args(["fuzz", "--writable", ".", "-o", "out", "--"])
        .args(victims.attacked_by(&program))
        .assert()
        .code(1)
        .stderr(contains("which the server may write to").and(contains("remedy: ")));
    assert!(!dir.path("out").exists());
}

#[test]
fn a_writable_directory_must_exist() {
    let dir = TestDir::not_temporary();
    dir.sockfuzz()
        .args(["check", "--writable", "nowhere", "--"])
        .arg(dir.server("blocking"))
        .assert()
        .code(1)
        .stderr(contains("nowhere does not exist").and(contains("mkdir")));
}

/// Only the sandbox prevents the server from starting: the remedy names the option for the directory that it writes.
#[test]
fn a_server_that_fails_in_the_sandbox_gets_a_remedy() {
    let dir = TestDir::not_temporary();
    let program = dir.server("writes_pid_file");
    fs::create_dir(dir.path("run")).expect("mkdir");
    let check = |options: &[&str]| {
        let mut command = dir.sockfuzz();
        command.args(["check", "-i"]).arg(dir.corpus()).args(options).arg("--").arg(&program);
        command.arg(dir.path("run/pid")).assert()
    };
    check(&[]).code(13).stderr(contains("without the sandbox").and(contains("--writable DIR")));
    check(&["--writable", "run"]).code(0);
    check(&["--sandbox", "off"]).code(0);
}

/// If the tests do not run as root, the other tests cover this case.
#[test]
fn an_ordinary_user_is_protected() {
    if !geteuid().is_root() {
        return;
    }
    let dir = TestDir::new();
    if !allows_sandbox(&dir) {
        return;
    }
    let mut victims = Victims::new(&dir);
    let server = victims.attacked_by(&dir.server("hostile"));
    for (name, file) in [
        ("sockfuzz", Path::new(env!("CARGO_BIN_EXE_sockfuzz"))),
        ("libsockfuzz_preload.so", &sockfuzz::util::preload::locate(None).expect("the preload")),
    ] {
        fs::copy(file, dir.path(name)).expect("copy");
    }
    for path in ["", "victim", "victim/file"] {
        chown(dir.path(path), Some(NOBODY), Some(NOBODY)).expect("chown");
    }
    fs::set_permissions(dir.path(""), Permissions::from_mode(0o755)).expect("chmod");
    for letter in ATTACKS.chars().chain(['0']).chain(ALLOWED.chars()) {
        let mut command = Command::new(dir.path("sockfuzz"));
        command.uid(NOBODY).gid(NOBODY).current_dir("/").args(["run", "--sandbox", "require", "--"]);
        let mut command = assert_cmd::Command::from_std(command);
        let output = command.args(&server).write_stdin(letter.to_string()).assert().code(0);
        let answer = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
        let is_allowed = ALLOWED.contains(letter) || PRIVATE.contains(letter);
        assert_eq!(answer.contains("done"), is_allowed, "{answer}");
    }
    victims.are_unharmed();
}
