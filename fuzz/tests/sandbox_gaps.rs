//! Sandbox on kernels that lack a feature: the other layers still protect, and sockfuzz reports what is unprotected.

mod common;

use std::fs;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::process::Command;

use common::victims::{ALLOWED, Victims};
use common::{TestDir, allows_sandbox};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

/// Returns the sockfuzz command as on a kernel that refuses these system calls.
fn sockfuzz_without(dir: &TestDir, calls: &[i64]) -> assert_cmd::Command {
    let rules = calls.iter().map(|&call| (call, Vec::new())).collect();
    let refuse = SeccompAction::Errno(rustix::io::Errno::PERM.raw_os_error().unsigned_abs());
    let machine = std::env::consts::ARCH.try_into().expect("a machine with seccomp");
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, machine).expect("a valid filter");
    let program: BpfProgram = filter.try_into().expect("a valid filter");
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockfuzz"));
    command.current_dir(dir.path(""));
    // SAFETY: `pre_exec` requires a closure that is async-signal-safe; it makes two system calls and allocates nothing.
    unsafe {
        command.pre_exec(move || apply_filter(&program).map_err(|_| std::io::Error::last_os_error()));
    }
    assert_cmd::Command::from_std(command)
}

const NAMESPACES: i64 = syscalls::Sysno::unshare as i64;
const SECCOMP: i64 = syscalls::Sysno::seccomp as i64;
const LANDLOCK: i64 = syscalls::Sysno::landlock_create_ruleset as i64;

#[test]
fn missing_kernel_features_are_reported() {
    let dir = TestDir::not_temporary();
    if !allows_sandbox(&dir) {
        return;
    }
    let server = dir.server("blocking");
    let _local = UnixListener::bind(dir.path("socket")).expect("a path that is free and short");
    for (calls, words) in [
        (&[NAMESPACES][..], "modes and owners of files (user namespaces), the network (user namespaces)"),
        (&[LANDLOCK], "device nodes (Landlock), other processes from signals (Landlock of Linux 6.12)"),
        (
            &[NAMESPACES],
            "System V shared memory (user namespaces), local servers' sockets in the file system",
        ),
        (&[SECCOMP], "limits and priorities of other processes (seccomp)"),
        (&[NAMESPACES, LANDLOCK], "files (needs Landlock or user namespaces), modes and owners"),
    ] {
        let check = |sandbox: &str| {
            let mut command = sockfuzz_without(&dir, calls);
            command.args(["check", "--sandbox", sandbox, "-i"]).arg(dir.corpus()).arg("--").arg(&server);
            command.assert()
        };
        let auto = check("auto").code(0);
        let said = String::from_utf8_lossy(&auto.get_output().stderr);
        let lines: Vec<_> = said.lines().filter(|line| line.contains("does not protect")).collect();
        assert!(matches!(lines[..], [line] if line.contains(words)), "{said}");
        check("require").code(1).stderr(contains("is required").and(contains(words)));
    }
}

/// Landlock alone, or namespaces alone, still protect the files, and still give the server a temporary
/// directory.
#[test]
fn namespaces_or_landlock_alone_protect_files() {
    let dir = TestDir::not_temporary();
    if !allows_sandbox(&dir) {
        return;
    }
    let victims = Victims::new(&dir);
    let server = victims.attacked_by(&dir.server("hostile"));
    for call in [NAMESPACES, LANDLOCK] {
        for letter in "abcdkl".chars() {
            let mut command = sockfuzz_without(&dir, &[call]);
            command.args(["run", "--sandbox", "auto", "--"]).args(&server);
            let output = command.write_stdin(letter.to_string()).assert().code(0);
            let answer = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
            assert_eq!(answer.contains("done"), ALLOWED.contains(letter), "{answer}");
        }
    }
    assert_eq!(fs::read(victims.files.join("file")).expect("there"), b"precious");
}
