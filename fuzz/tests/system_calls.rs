//! System calls of an iteration through memory: only the two operations on AFL++'s pipes.

mod common;

use std::fs;
use std::process::Command;

use common::{TestDir, bundled, installed};
use sockfuzz::campaign::cargo_afl::CargoAfl;

const INPUTS: usize = 40;

/// Number of measured iterations, at the end of a process, when the server has finished its set-up.
const MEASURED_ITERATIONS: usize = 20;

/// Number of system calls in an iteration beyond the pipe's write and read. The preload makes none, and answers
/// all calls of the bundled server without the kernel: epoll_wait, accept4, epoll_ctl, recv, writev, shutdown,
/// close, and fcntl with F_GETFD, which Rust's std calls before a close. It keeps the file descriptor of the
/// connection for the next one.
const EXTRA_SYSTEM_CALLS: usize = 0;

/// Beginnings of the write that ends an iteration, and of the read that begins the next one.
const PIPE_CALLS: [&str; 2] = ["write(199, ", "read(198, "];

/// Returns the calls of each process, in their order.
fn calls_of(log: &str) -> Vec<(&str, Vec<&str>)> {
    let mut processes: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in log.lines() {
        let Some((process, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        // Skips the ends of calls that another process's line has split, signals, and exits.
        if ["<...", "---", "+++"].iter().any(|mark| call.starts_with(mark)) {
            continue;
        }
        match processes.iter_mut().find(|(known, _)| *known == process) {
            Some((_, calls)) => calls.push(call),
            None => processes.push((process, vec![call])),
        }
    }
    processes
}

#[test]
fn an_iteration_through_memory_makes_no_system_calls_but_pipe_io() {
    let Some(strace) = installed("strace", "strace") else { return };
    let dir = TestDir::new();
    for number in 0..INPUTS {
        dir.write(&format!("in/{number}"), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
    let output = Command::new(strace)
        .args(["-f", "-qq", "-o"])
        .arg(dir.path("log"))
        .args(cargo_afl.tool("showmap".as_ref()))
        .args(["-t", "10000", "-i"])
        .arg(dir.path("in"))
        .arg("-o")
        .arg(dir.path("maps"))
        .arg("--")
        .arg(bundled("sockfuzz-server"))
        .args(["--model", "epoll", "--listen", "127.0.0.1:8080"])
        .envs(cargo_afl.environment())
        .env("AFL_PRELOAD", sockfuzz::util::preload::locate(None).expect("the preload"))
        .envs([
            ("SOCKFUZZ_TRANSPORT", "memory"),
            ("SOCKFUZZ_LOOP", "direct"),
            ("SOCKFUZZ_WARM_UP", "off"),
            ("SOCKFUZZ_RERUN", "off"),
        ])
        .output()
        .expect("strace starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));

    let log = fs::read_to_string(dir.path("log")).expect("strace writes it");
    let is_end = |call: &&str| call.starts_with(PIPE_CALLS[0]);
    let (_, calls) = calls_of(&log)
        .into_iter()
        .max_by_key(|(_, calls)| calls.iter().filter(|call| is_end(call)).count())
        .expect("a process");
    let ends: Vec<usize> =
        calls.iter().enumerate().filter(|(_, call)| is_end(call)).map(|(index, _)| index).collect();
    assert!(ends.len() > MEASURED_ITERATIONS, "{} iterations in one process", ends.len());
    for bounds in ends.windows(2).rev().take(MEASURED_ITERATIONS) {
        let iteration = &calls[bounds[0]..bounds[1]];
        for pipe in PIPE_CALLS {
            assert_eq!(iteration.iter().filter(|call| call.starts_with(pipe)).count(), 1, "{iteration:#?}");
        }
        assert_eq!(iteration.len() - PIPE_CALLS.len(), EXTRA_SYSTEM_CALLS, "{iteration:#?}");
    }
}
