//! Target programs of the preload in AFL++'s loop: every input reaches the server exactly once, whatever calls it
//! makes, over one process after the other. A test has the same name as its target.

mod common;

use std::collections::BTreeSet;
use std::fs;

use common::loop_target::{INPUTS, ITERATIONS, LoopTarget};
use common::{TestDir, installed};
use sockfuzz::campaign::environment::{ASAN_OPTIONS, UBSAN_OPTIONS};
use sockfuzz::server::command::preload_list;
use sockfuzz::server::sanitizers;
use sockfuzz::server::status_file::StatusFile;
use sockfuzz_protocol::Counter;
use sockfuzz_protocol::session::Session;

fn every_input_arrives_once(name: &str) {
    every_input_arrives_once_with(name, &[]);
}

fn every_input_arrives_once_with(name: &str, options: &[(&str, &str)]) {
    every_input_arrives_once_at(name, &LoopTarget::compile(name), options);
}

fn every_input_arrives_once_at(name: &str, target: &LoopTarget, options: &[(&str, &str)]) {
    let lines: BTreeSet<String> = (0..INPUTS).map(|number| format!("GET /{number} HTTP/1.1")).collect();
    for (number, line) in lines.iter().enumerate() {
        target.dir.write(&format!("in/{number}"), format!("{line}\r\nHost: a\r\n\r\n").as_bytes());
    }
    for transport in ["unix", "tcp", "memory"] {
        let (output, log) = target.run(transport, options);
        assert!(output.status.success(), "{name} {transport}: {}", String::from_utf8_lossy(&output.stdout));
        let mut seen: Vec<&str> = log.lines().collect();
        seen.sort_unstable();
        assert_eq!(seen, lines.iter().collect::<Vec<_>>(), "{name} {transport}");
    }
}

/// Exit status of afl-showmap when an input crashed the target (afl-showmap.c: FSRV_RUN_CRASH).
const CRASHED: i32 = 2;

#[test]
fn crashes_in_a_child() {
    let target = LoopTarget::compile("crashes_in_a_child");
    target.dir.write("in/1", b"GET /1 HTTP/1.1\r\n\r\n");
    assert!(target.run("unix", &[]).0.status.success());
    target.dir.write("in/2", b"GET /abc HTTP/1.1\r\n\r\n");
    assert_eq!(target.run("unix", &[]).0.status.code(), Some(CRASHED));
}

/// A server that stops accepting is a crash, unless the option selects that it is only counted.
#[test]
fn stops_accepting() {
    let target = LoopTarget::compile("stops_accepting");
    for name in ["1", "2", "3"] {
        target.dir.write(&format!("in/{name}"), b"GET /fine HTTP/1.1\r\n\r\n");
    }
    assert!(target.run("unix", &[]).0.status.success());
    target.dir.write("in/2", b"GET /stop HTTP/1.1\r\n\r\n");
    assert_eq!(target.run("unix", &[]).0.status.code(), Some(CRASHED));
    let count = [("SOCKFUZZ_DEAD_ACCEPT", "count")];
    assert!(target.run("unix", &count).0.status.success());
}

/// Descriptors that are not closed are counted over the life of each process except the last.
#[test]
fn leaked_descriptors_are_counted() {
    let count = |name| {
        let target = LoopTarget::compile(name);
        for number in 0..INPUTS {
            target.dir.write(&format!("in/{number}"), b"GET / HTTP/1.1\r\n\r\n");
        }
        let status = StatusFile::in_memory().expect("a status page");
        let (output, _) =
            target.run("unix", &[("SOCKFUZZ_STATUS", status.path().to_str().expect("in /proc"))]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        (status.count(Counter::Leaked), status.count(Counter::Measured))
    };
    let measured = (INPUTS as u64).next_multiple_of(ITERATIONS.parse().expect("a number")) - 15;
    assert_eq!(count("leaks_descriptors"), (measured, measured));
    assert_eq!(count("accept_blocking"), (0, measured));
}

/// Asserts that a sanitizer's reports are crashes. `runtime` begins the name of gcc's shared runtime, preloaded first.
fn reports_are_crashes(name: &str, flag: &str, runtime: Option<&str>) {
    for (compiler, first) in [("clang", None), ("gcc", runtime)] {
        if installed(compiler, compiler).is_none() {
            continue;
        }
        let target = LoopTarget::compile_with(name, compiler, &[flag]);
        let runtime = sanitizers::shared_runtime(&target.program);
        assert_eq!(runtime.as_deref().map(|name| &name[..10]), first);
        let library = sockfuzz::util::preload::locate(None).expect("the preload");
        let list = preload_list("AFL_PRELOAD", runtime.as_deref(), &library);
        let preloaded = [
            ("AFL_PRELOAD", list.to_str().expect("UTF-8")),
            // As set by `sockfuzz fuzz`: with AFL++'s own options, a server continues after a report of UBSan.
            ("UBSAN_OPTIONS", UBSAN_OPTIONS),
            ("ASAN_OPTIONS", ASAN_OPTIONS),
        ];
        target.dir.write("in/1", b"GET /fine HTTP/1.1\r\n\r\n");
        assert!(target.run("unix", &preloaded).0.status.success(), "{compiler}");
        target.dir.write("in/2", b"GET /over HTTP/1.1\r\n\r\n");
        assert_eq!(target.run("unix", &preloaded).0.status.code(), Some(CRASHED), "{compiler}");
    }
}

/// Covers a build with a static runtime and one with a shared runtime.
#[test]
fn overflows() {
    reports_are_crashes("overflows", "-fsanitize=address", Some("libasan.so"));
}

#[test]
fn undefined() {
    reports_are_crashes("undefined", "-fsanitize=undefined", None);
}

#[test]
fn fortified() {
    let target = LoopTarget::compile_with("fortified", "cc", &["-O2", "-D_FORTIFY_SOURCE=2"]);
    every_input_arrives_once_at("fortified", &target, &[]);
}

/// Calls that a signal handler may make do not use the server's heap.
#[test]
fn keeps_off_the_heap() {
    for variant in ["-DALONE", "-DTHREAD", "-DFORKS"] {
        let target = LoopTarget::compile_with("keeps_off_the_heap", "cc", &[variant]);
        every_input_arrives_once_at(variant, &target, &[]);
    }
}

/// A signal that arrives while the forkserver starts is delivered to its child processes.
#[test]
fn signal_at_the_start() {
    let target = LoopTarget::compile("signal_at_the_start");
    target.dir.write("in/1", b"GET /1 HTTP/1.1\r\n\r\n");
    for microseconds in (10..=500).step_by(20) {
        let _ = fs::remove_file(target.dir.path("memory.log"));
        let (_, log) = target.run("memory", &[("TARGET_DELAY", &microseconds.to_string())]);
        assert_eq!(log, "GET /1 HTTP/1.1\n", "after {microseconds} µs");
    }
}

#[test]
fn listener_chosen() {
    every_input_arrives_once_with("listener_chosen", &[("SOCKFUZZ_PORT", "8101")]);
}

#[test]
fn listener_activated() {
    every_input_arrives_once_with("listener_activated", &[("SOCKFUZZ_SOCKET_ACTIVATION", "on")]);
}

#[test]
fn back_answers() {
    for front in ["child", "parent"] {
        every_input_arrives_once_with("back_answers", &[("TARGET_FRONT", front)]);
    }
}

#[test]
fn listener_unix() {
    for path in ["/nonexistent/socket", "@sockfuzz test"] {
        every_input_arrives_once_with("listener_unix", &[("SOCKFUZZ_PORT", path), ("TARGET_PATH", path)]);
    }
}

/// Asserts that in the loop, a server gets every session as in a single run, one after the other. A reset in one
/// session does not affect the next.
fn every_session_is_played(name: &str, style: Style) {
    let target = LoopTarget::compile(name);
    for transport in ["unix", "tcp", "memory"] {
        let cases = cases(style, transport);
        let mut expected = String::new();
        for number in 0..INPUTS {
            let (session, log, _) = &cases[number % cases.len()];
            let input = session.parse::<Session>().expect("well written").encode();
            // AFL++ ignores an empty file.
            let input = if input.is_empty() { b"\xF5\x40".to_vec() } else { input };
            target.dir.write(&format!("in/{number:02}"), &input);
            expected += log;
        }
        let (output, log) = target.run(transport, &[("SOCKFUZZ_INPUT", "session")]);
        assert!(output.status.success(), "{name} {transport}: {}", String::from_utf8_lossy(&output.stdout));
        assert_eq!(log, expected, "{name} {transport}");
    }
}

/// Runs a target whose files are at another place.
fn finds_its_files(name: &str) {
    let files = TestDir::new();
    let relocations = lay_out_relocated(&files.path(""));
    let target = LoopTarget::compile_with(name, "cc", &[&rpath_of_modules(&files.path(""))]);
    every_input_arrives_once_at(name, &target, &[("SOCKFUZZ_RELOCATE", &relocations)]);
}

include!("../../preload/tests/targets/relocated.rs");
include!("../../preload/tests/targets/sessions.rs");
include!("../../preload/tests/targets/list.rs");

test_session_targets!(every_session_is_played);
test_relocated_targets!(finds_its_files);

macro_rules! loops {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                every_input_arrives_once(stringify!($name));
            }
        )*
    };
}

for_each_target!(loops);

// Targets whose single run has a test of another kind.
loops! {
    accept_threads,
    big_answer_stdio,
    epoll_edge_triggered,
    io_uring_refused,
    listener_reuseport_processes,
    never_closes,
    prefork,
    prints_to_stdout,
    reads_with_flags,
    shows_addresses,
    two_listeners,
}
