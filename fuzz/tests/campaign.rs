//! Campaigns of the real afl-fuzz on the bundled servers, limited by the number of executions.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use common::{TestDir, bundled, installed, program_with, stat, workspace};
use predicates::str::contains;
use rustix::process::{Pid, Signal, kill_process};
use sockfuzz::campaign::cargo_afl::CargoAfl;
use sockfuzz_protocol::session::Session;

/// Returns the command `sockfuzz fuzz` for a server, without the check, which other tests cover.
fn fuzz_server(dir: &TestDir, seeds: &Path, options: &[&str], server: &Path) -> assert_cmd::Command {
    let mut command = dir.sockfuzz();
    command.args(["fuzz", "--no-check", "-t", "2000", "-i"]).arg(seeds).arg("-o").arg(dir.path("out"));
    command.args(options).arg("--").arg(server);
    command
}

/// Returns that command for a bundled server.
fn fuzz(dir: &TestDir, program: &Path, model: &str, options: &[&str]) -> assert_cmd::Command {
    let mut command = fuzz_server(dir, &dir.corpus(), options, program);
    command.args(["--model", model, "--listen", "127.0.0.1:8080"]);
    command
}

fn is_fuzzed(model: &str, least_stability: f64) {
    let dir = TestDir::new();
    let options = ["--iterations", "1000", "--afl", "-E 3000"];
    fuzz(&dir, &bundled(program_with(model, false)), model, &options).assert().code(0);
    let output = dir.path("out");
    assert!(stat(&output, "default", "execs_done") >= 3000.0);
    assert!(stat(&output, "default", "edges_found") > 100.0);
    assert!(stat(&output, "default", "stability") >= least_stability);
    assert_eq!(stat(&output, "default", "total_tmout"), 0.0);
}

#[test]
fn accept_threads() {
    is_fuzzed("accept-threads", 95.0);
}

#[test]
fn thread_per_connection() {
    is_fuzzed("thread-per-connection", 95.0);
}

#[test]
fn pool() {
    is_fuzzed("pool", 95.0);
}

#[test]
fn poll() {
    is_fuzzed("poll", 98.0);
}

#[test]
fn epoll() {
    is_fuzzed("epoll", 98.0);
}

#[test]
fn tokio() {
    is_fuzzed("tokio", 85.0);
}

#[test]
fn a_campaign_without_cmplog_runs() {
    let dir = TestDir::new();
    fuzz(&dir, &bundled("sockfuzz-server"), "epoll", &["--afl", "-c - -E 2000"]).assert().code(0);
    assert!(stat(&dir.path("out"), "default", "execs_done") >= 2000.0);
}

/// Also shows that afl-fuzz's map of comparisons, of which the mutator clears and copies only what is used, is right.
#[test]
fn wants_a_token() {
    let Some(_) = installed("clang", "clang") else { return };
    let dir = TestDir::new();
    let flags = ["-O1", "-fsanitize-coverage=trace-pc-guard,trace-cmp"];
    let server =
        dir.loop_target("wants_a_token", "clang", &flags, &CargoAfl::find_or_install().expect("cargo-afl"));
    let seed = dir.write("seeds/token", b"GET / HTTP/1.1\r\nToken: abcdefgh\r\n\r\n");
    let seeds = seed.parent().expect("has a parent");
    let mut command = fuzz_server(&dir, seeds, &["--afl", "-E 20000 -s 1"], &server);
    command.env("AFL_BENCH_UNTIL_CRASH", "1").assert().success();
    assert!(stat(&dir.path("out"), "default", "saved_crashes") >= 1.0);
}

#[test]
fn two_instances_run_in_parallel_and_are_resumed() {
    let dir = TestDir::new();
    let server = bundled("sockfuzz-server");
    for words in ["-M main", "resum"] {
        fuzz(&dir, &server, "epoll", &["-j", "2", "--afl", "-E 2000"])
            .assert()
            .code(0)
            .stderr(contains(words));
    }
    for instance in ["main", "s1"] {
        assert!(stat(&dir.path("out"), instance, "execs_done") >= 2000.0);
    }
    let output =
        dir.sockfuzz().args(["report", "--format", "json", "-o", "-", "out"]).output().expect("runs");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let names: Vec<_> = report["instances"].as_array().into_iter().flatten().map(|it| &it["name"]).collect();
    assert_eq!(names, ["main", "s1"]);
    assert!(
        report["instances"][0]["samples"][0]["stability"].as_f64().is_some_and(|it| it > 0.0),
        "{report}"
    );
    let runs: Vec<_> = report["repetition"]["runs"].as_array().into_iter().flatten().collect();
    assert!(runs.len() == 2 && runs[0]["command"].as_str().is_some_and(|it| it.contains("fuzz")), "{runs:?}");
}

/// Asserts that every planted bug except the endless loop, given as a seed, is a crash in the loop and in `replay`,
/// including panics that the server catches.
fn planted_bugs_are_crashes(model: &str) {
    let dir = TestDir::new();
    let planted = bundled(program_with(model, true));
    let triggers: Vec<PathBuf> = fs::read_dir(workspace().path("harness/planted"))
        .expect("readable")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "http"))
        .filter(|path| !path.ends_with("07-encodings.http"))
        .collect();
    assert!(triggers.len() >= 9);
    for trigger in &triggers {
        let name = trigger.file_name().expect("a name").to_string_lossy();
        dir.write(&format!("corpus/{name}"), &fs::read(trigger).expect("readable"));
    }
    fuzz(&dir, &planted, model, &["--afl", "-c - -E 500"])
        .env("AFL_CRASHING_SEEDS_AS_NEW_CRASH", "1")
        .assert()
        .code(0);
    // afl-fuzz saves a crash only if its coverage is new among crashes.
    let saved = stat(&dir.path("out"), "default", "saved_crashes");
    assert!(saved >= triggers.len() as f64 / 2.0, "{saved} crashes saved");
    dir.sockfuzz()
        .arg("replay")
        .args(&triggers)
        .arg("--")
        .arg(&planted)
        .args(["--model", model])
        .assert()
        .code(4)
        .stdout(contains(format!("{0} of {0} inputs crashed or hung", triggers.len())));
}

/// Asserts that planted bugs that need a session are crashes. As raw bytes, their inputs are answered.
fn planted_bugs_of_sessions_are_crashes(model: &str) {
    let dir = TestDir::new();
    let planted = bundled(program_with(model, true));
    dir.corpus();
    let mut triggers = Vec::new();
    for entry in fs::read_dir(workspace().path("harness/planted")).expect("readable") {
        let path = entry.expect("readable").path();
        if path.extension().is_some_and(|extension| extension == "session") {
            let session: Session = fs::read_to_string(&path).expect("readable").parse().expect("a session");
            let name = path.file_stem().expect("a name").to_string_lossy();
            triggers.push(dir.write(&format!("corpus/{name}"), &session.encode()));
        }
    }
    assert_eq!(triggers.len(), 3);
    let options = ["--input", "session", "--mutator", "none", "--afl", "-c - -E 500"];
    fuzz(&dir, &planted, model, &options).env("AFL_CRASHING_SEEDS_AS_NEW_CRASH", "1").assert().code(0);
    let saved = stat(&dir.path("out"), "default", "saved_crashes");
    assert!(saved >= 2.0, "{saved} crashes saved");
    for (input, code, words) in [("session", 4, "3 of 3 inputs crashed"), ("raw", 0, "0 of 3 inputs crashed")]
    {
        let mut replay = dir.sockfuzz();
        replay.args(["replay", "--input", input]).args(&triggers).arg("--").arg(&planted);
        replay.args(["--model", model]).assert().code(code).stdout(contains(words));
    }
}

#[test]
fn planted_bugs_of_sessions_are_crashes_in_one_thread() {
    planted_bugs_of_sessions_are_crashes("epoll");
}

#[test]
fn planted_bugs_of_sessions_are_crashes_in_a_pool() {
    planted_bugs_of_sessions_are_crashes("pool");
}

#[test]
fn planted_bugs_of_sessions_are_crashes_in_tokio() {
    planted_bugs_of_sessions_are_crashes("tokio");
}

#[test]
fn planted_bugs_are_crashes_in_one_thread() {
    planted_bugs_are_crashes("epoll");
}

#[test]
fn planted_bugs_are_crashes_in_tokio() {
    planted_bugs_are_crashes("tokio");
}

/// Whether any process was started with this text among its arguments.
fn runs(text: &str) -> bool {
    procfs::process::all_processes()
        .expect("/proc")
        .flatten()
        .filter_map(|process| process.cmdline().ok())
        .any(|words| words.iter().any(|word| word.contains(text)))
}

#[test]
fn an_interrupted_campaign_leaves_no_process_and_is_resumed() {
    let dir = TestDir::new();
    let server = bundled("sockfuzz-server");
    let out = dir.path("out");
    let mut child = Command::new(env!("CARGO_BIN_EXE_sockfuzz"))
        .args(["fuzz", "--no-check", "-j", "2", "-i"])
        .arg(dir.corpus())
        .arg("-o")
        .arg(&out)
        .arg("--")
        .arg(&server)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sockfuzz starts");
    let reported = || ["main", "s1"].iter().all(|instance| out.join(instance).join("fuzzer_stats").exists());
    for _ in 0..600 {
        if reported() {
            break;
        }
        thread::sleep(Duration::from_millis(100));
    }
    assert!(reported(), "both instances fuzz");
    let id = Pid::from_child(&child);
    kill_process(id, Signal::INT).expect("it runs");
    assert_eq!(child.wait().expect("waitpid").code(), Some(130));
    assert!(!runs(&out.display().to_string()), "a process is left");

    let mut again = dir.sockfuzz();
    again.args(["fuzz", "--no-check", "-j", "2", "--afl", "-V 2", "-i"]).arg(dir.corpus());
    again.arg("-o").arg(&out).arg("--").arg(&server).assert().code(0).stderr(contains("resuming"));
}

/// The README describes this way to run afl-fuzz by hand.
#[test]
fn afl_fuzz_by_hand_needs_only_the_preload() {
    let dir = TestDir::new();
    let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
    let mut command: Command = cargo_afl.command();
    command
        .args(["fuzz", "-E", "2000", "-i"])
        .arg(dir.corpus())
        .arg("-o")
        .arg(dir.path("out"))
        .arg("--")
        .arg(bundled("sockfuzz-server"))
        .env("AFL_PRELOAD", sockfuzz::util::preload::locate(None).expect("the preload"))
        .envs([
            ("AFL_NO_UI", "1"),
            ("AFL_SKIP_CPUFREQ", "1"),
            ("AFL_TRY_AFFINITY", "1"),
            ("AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES", "1"),
        ]);
    let output = command.output().expect("cargo-afl starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(stat(&dir.path("out"), "default", "execs_done") >= 2000.0);
}
