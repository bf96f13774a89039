//! Long-lived process: every input reaches the server once, as the server's log shows. After many iterations
//! the process has no more memory and no more file descriptors than after a few.
//!
//! `ITERATIONS=1000000` overrides the default number of iterations.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::forkserver_client::ForkserverClient;
use common::{TestDir, bundled, program_with, real_server};
use rustix::process::Pid;

/// Default number of iterations, enough to detect growth.
const ITERATIONS: usize = 20_000;

/// Iterations after which the server has allocated what it needs.
const WARM_UP_ITERATIONS: usize = 4000;

/// Maximum variation of an allocator's memory, in bytes.
const MAX_GROWTH_BYTES: u64 = 1 << 20;

/// Size of a page, the unit of proc_pid_statm(5), in bytes.
const PAGE_BYTES: u64 = 4096;

/// Memory and file descriptors of a process.
#[derive(Debug)]
struct ProcessResources {
    /// Resident memory (proc_pid_statm(5)), in bytes.
    memory: u64,
    descriptors: usize,
}

impl ProcessResources {
    fn of(process: Pid) -> Self {
        let directory = Path::new("/proc").join(process.as_raw_nonzero().to_string());
        let memory = fs::read_to_string(directory.join("statm")).expect("it lives");
        let pages: u64 = memory.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number");
        let descriptors = fs::read_dir(directory.join("fd")).expect("it lives").count();
        Self { memory: pages * PAGE_BYTES, descriptors }
    }
}

/// Runs a server that writes the target of each request to `log`, and compares its resources early and late.
fn memory_and_descriptors_stay_constant(mut server: Command, log: &Path) {
    let iterations =
        std::env::var("ITERATIONS").map_or(ITERATIONS, |number| number.parse().expect("a number"));
    server.env("SOCKFUZZ_ITERATIONS", (iterations + 1).to_string());
    // nginx has OpenSSL in it: the connection that tries whether it speaks TLS would be in its log, too.
    server.env("SOCKFUZZ_TLS", "off");
    let mut client = ForkserverClient::start(server);
    let mut early = None;
    for number in 0..iterations {
        let input = format!("GET /query?{number} HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(client.run(input.as_bytes(), None));
        if number == WARM_UP_ITERATIONS {
            early = Some((client.runner(), ProcessResources::of(client.runner())));
        }
    }
    let (runner, early) = early.expect("more iterations than that");
    let late = ProcessResources::of(runner);
    println!("{iterations} iterations: {early:?} after {WARM_UP_ITERATIONS}, {late:?} at the end");
    assert_eq!(client.runner(), runner, "one process has run them all");
    assert_eq!(late.descriptors, early.descriptors);
    assert!(late.memory <= early.memory + MAX_GROWTH_BYTES, "memory grows");
    let mut times = vec![0; iterations];
    for line in fs::read_to_string(log).expect("the server's log").lines() {
        let number = line.strip_prefix("/query?").and_then(|number| number.parse::<usize>().ok());
        times[number.expect("a number of ours")] += 1;
    }
    assert_eq!(times.iter().position(|&times| times != 1), None, "an input was lost, or arrived twice");
}

#[test]
fn nginx() {
    let Some(home) = real_server("nginx") else { return };
    let log = home.path().join("log");
    let configuration = home.path().join("nginx.conf");
    let text = fs::read_to_string(&configuration).expect("rendered");
    assert!(text.contains("access_log off;"));
    let logged = format!("log_format target $request_uri; access_log {} target;", log.display());
    fs::write(&configuration, text.replace("access_log off;", &logged)).expect("a writable directory");
    memory_and_descriptors_stay_constant(home.server.command(), &log);
}

#[test]
fn tokio() {
    let dir = TestDir::new();
    let log = dir.path("log");
    let mut command = Command::new(bundled(program_with("tokio", false)));
    command.args(["--model", "tokio", "--listen", "127.0.0.1:0", "--access-log"]).arg(&log);
    memory_and_descriptors_stay_constant(command, &log);
}
