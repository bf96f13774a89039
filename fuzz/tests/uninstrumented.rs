//! Servers without AFL++'s runtime in the loop: every input arrives exactly once, crashes are detected,
//! and afl-fuzz gets feedback from the answers.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{TestDir, free_port, installed, stat, workspace};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use sockfuzz::campaign::cargo_afl::CargoAfl;
use sockfuzz::server::status_file::StatusFile;
use sockfuzz_protocol::Counter;

const INPUTS: usize = 40;
/// Iterations of a process: not a divisor of [`INPUTS`], so that the last process does not reach this limit.
const ITERATIONS: &str = "15";

/// Exit status of afl-showmap when an input crashed the server (afl-showmap.c: FSRV_RUN_CRASH).
const CRASHED: i32 = 2;

/// Compiles one of the preload's target programs, without AFL++'s runtime.
fn compile(dir: &TestDir, name: &str) -> PathBuf {
    dir.target(name, "cc", &[]).expect("a C compiler is installed")
}

/// Runs afl-showmap on all inputs in `in`, and returns its exit status. Maps go to `maps`, the server's log to `log`.
fn showmap(dir: &TestDir, program: &Path) -> Option<i32> {
    let mut command = CargoAfl::find_or_install().expect("cargo-afl").command();
    command.args(["showmap", "-t", "10000", "-i"]).arg(dir.path("in")).arg("-o").arg(dir.path("maps"));
    command.arg("--").arg(program);
    command.env("AFL_PRELOAD", sockfuzz::util::preload::locate(None).expect("the preload"));
    command.env("TARGET_LOG", dir.path("log"));
    command
        .env("SOCKFUZZ_ITERATIONS", ITERATIONS)
        .env("SOCKFUZZ_WARM_UP", "off")
        .env("SOCKFUZZ_RERUN", "off");
    command.output().expect("afl-showmap starts").status.code()
}

fn every_input_arrives_once(name: &str) {
    let dir = TestDir::new();
    let lines: BTreeSet<String> = (0..INPUTS).map(|number| format!("GET /{number} HTTP/1.1")).collect();
    for (number, line) in lines.iter().enumerate() {
        dir.write(&format!("in/{number}"), format!("{line}\r\nHost: a\r\n\r\n").as_bytes());
    }
    assert_eq!(showmap(&dir, &compile(&dir, name)), Some(0));
    let log = fs::read_to_string(dir.path("log")).expect("the target writes it");
    let mut seen: Vec<&str> = log.lines().collect();
    seen.sort_unstable();
    assert_eq!(seen, lines.iter().collect::<Vec<_>>());
}

#[test]
fn poll() {
    every_input_arrives_once("poll");
}

#[test]
fn thread_per_connection() {
    every_input_arrives_once("thread_per_connection");
}

#[test]
fn fork_per_connection() {
    every_input_arrives_once("fork_per_connection");
}

#[test]
fn wipes_environment() {
    every_input_arrives_once("wipes_environment");
}

#[test]
fn drops_privileges() {
    every_input_arrives_once("drops_privileges");
}

/// The target's answers repeat the requested path.
#[test]
fn feedback_depends_on_length_and_not_on_content_of_answers() {
    let dir = TestDir::new();
    for (name, path) in [("one", "1111".to_owned()), ("other", "2222".to_owned()), ("long", "3".repeat(200))]
    {
        dir.write(&format!("in/{name}"), format!("GET /{path} HTTP/1.1\r\n\r\n").as_bytes());
    }
    assert_eq!(showmap(&dir, &compile(&dir, "poll")), Some(0));
    let [one, other, long] =
        ["one", "other", "long"].map(|name| fs::read_to_string(dir.path("maps").join(name)).expect("a map"));
    assert_eq!(one, other);
    assert_ne!(one, long);
}

#[test]
fn crashes_in_a_child() {
    let dir = TestDir::new();
    let program = compile(&dir, "crashes_in_a_child");
    dir.write("in/1", b"GET /1 HTTP/1.1\r\n\r\n");
    assert_eq!(showmap(&dir, &program), Some(0));
    dir.write("in/2", b"GET /abc HTTP/1.1\r\n\r\n");
    assert_eq!(showmap(&dir, &program), Some(CRASHED));
}

#[test]
fn stops_accepting() {
    let dir = TestDir::new();
    let program = compile(&dir, "stops_accepting");
    for (name, path) in [("1", "fine"), ("2", "stop"), ("3", "fine")] {
        dir.write(&format!("in/{name}"), format!("GET /{path} HTTP/1.1\r\n\r\n").as_bytes());
    }
    assert_eq!(showmap(&dir, &program), Some(CRASHED));
}

/// Returns the command `sockfuzz fuzz --uninstrumented` with the given options of afl-fuzz.
fn fuzz(dir: &TestDir, afl: &str) -> assert_cmd::Command {
    let mut command = dir.sockfuzz();
    command.args(["fuzz", "--uninstrumented", "--afl", afl, "-o", "out"]);
    command
}

/// Asserts that each execution was an iteration with an accepted connection. Warm-up and reruns accept further ones.
fn nothing_is_missed(dir: &TestDir) {
    let status = StatusFile::existing(&dir.path("out/sockfuzz.status")).expect("a status page");
    let executions = stat(&dir.path("out"), "default", "execs_done") as u64;
    let iterations = status.count(Counter::Iterations);
    // afl-fuzz may stop in the middle of an iteration.
    assert!((executions..=executions + 1).contains(&iterations), "{iterations} of {executions}");
    assert!(status.count(Counter::Accepted) >= iterations);
    assert_eq!(status.count(Counter::Unaccepted), 0);
}

#[test]
fn uninstrumented_nginx_is_fuzzed_by_response_feedback() {
    let Some(program) = installed("nginx", "nginx-light") else { return };
    let dir = TestDir::new();
    let home = dir.path("nginx");
    let rendered = Command::new(workspace().path("harness/servers/render"))
        .arg("nginx")
        .arg(&home)
        .arg(free_port().to_string())
        .output()
        .expect("render starts");
    assert!(rendered.status.success(), "{}", String::from_utf8_lossy(&rendered.stderr));
    fuzz(&dir, "-E 20000")
        .arg("--writable")
        .arg(home.join("tmp"))
        .arg("--")
        .arg(program)
        .args(["-e", "stderr", "-p"])
        .arg(&home)
        .arg("-c")
        .arg(home.join("nginx.conf"))
        .assert()
        .code(0)
        .stderr(contains("-c - ").and(contains("AFL_SKIP_BIN_CHECK=1")));
    nothing_is_missed(&dir);
    let output = dir.path("out");
    assert!(stat(&output, "default", "edges_found") > 30.0);
    assert_eq!(stat(&output, "default", "stability"), 100.0);
    assert_eq!(stat(&output, "default", "total_tmout"), 0.0);
    assert_eq!(stat(&output, "default", "saved_crashes"), 0.0);
}

#[test]
fn a_planted_crash_in_node_is_found() {
    let Some(program) = installed("node", "nodejs") else { return };
    let dir = TestDir::new();
    let dictionary = dir.write("dictionary", b"\"/abort\"\n");
    fuzz(&dir, "-E 200000 -V 100")
        .env("AFL_BENCH_UNTIL_CRASH", "1")
        .arg("-i")
        .arg(dir.corpus())
        .arg("-x")
        .arg(dictionary)
        .arg("--")
        .arg(program)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/abort.js"))
        .assert()
        .code(0);
    assert!(stat(&dir.path("out"), "default", "saved_crashes") >= 1.0);
    dir.sockfuzz()
        .args(["replay", "out/default/crashes", "--", "node"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/abort.js"))
        .assert()
        .code(4)
        .stdout(contains("CRASH: SIGABRT"));
}

/// Response feedback needs the answers, which transport memory drops.
#[test]
fn response_feedback_falls_back_from_memory_to_unix() {
    let dir = TestDir::new();
    let server = dir.server("blocking");
    fuzz(&dir, "-E 500")
        .args(["--no-check", "--transport", "memory", "-i"])
        .arg(dir.corpus())
        .arg("--")
        .arg(server)
        .assert()
        .code(0)
        .stderr(contains("transport memory fell back to unix").and(contains("its answers stand in")));
    assert!(stat(&dir.path("out"), "default", "edges_found") > 5.0);
}
