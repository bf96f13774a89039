//! Transport `auto`: `memory` if all answers are equal, otherwise `unix`, with the reason.

mod common;

use std::fs;
use std::path::Path;
use std::process::Output;

use common::{TestDir, fixed_port, real_server};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use sockfuzz::campaign::cargo_afl::CargoAfl;
use sockfuzz::util::preload;
use sockfuzz_protocol::specs;

/// Returns the command `sockfuzz check` for a server, with one plain request as its seed.
fn check(dir: &TestDir, server: &Path) -> assert_cmd::Command {
    let mut command = dir.sockfuzz();
    command.args(["check", "-i"]).arg(dir.corpus()).arg("--").arg(server);
    command
}

/// Asserts that `check` chooses memory for a real server, with all bundled seeds.
fn memory_is_chosen(name: &str) {
    let Some(home) = real_server(name) else { return };
    TestDir::new()
        .sockfuzz()
        .envs(home.options.variables().map(|(name, value)| (name, value.to_owned())))
        .args(["check", "--timeout", "20", "--"])
        .arg(&home.server.program)
        .args(&home.server.arguments)
        .assert()
        .code(0)
        .stdout(contains("transport memory: ").and(contains("answered as through unix")));
}

#[test]
fn nginx_is_fuzzed_through_memory() {
    memory_is_chosen("nginx");
}

#[test]
fn lighttpd_is_fuzzed_through_memory() {
    memory_is_chosen("lighttpd");
}

/// The servers create threads or processes at their start, or after they have accepted a connection.
#[test]
fn servers_with_threads_or_processes_use_memory() {
    let _port = fixed_port();
    let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
    for target in ["helper_process", "pool_semaphore", "prefork", "thread_per_connection"] {
        let dir = TestDir::new();
        let server = dir.loop_target(target, "cc", &[], &cargo_afl);
        check(&dir, &server).assert().code(0).stdout(contains("transport memory: 1 seed"));
    }
}

#[test]
fn a_process_per_connection_does_not_use_memory() {
    let _port = fixed_port();
    let dir = TestDir::new();
    let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
    let server = dir.loop_target("fork_per_connection", "cc", &[], &cargo_afl);
    let reason = "transport unix: memory cannot follow this server (it creates a process while it serves)";
    check(&dir, &server).assert().code(0).stdout(contains(reason));
}

#[test]
fn a_different_answer_through_memory_chooses_unix() {
    let dir = TestDir::new();
    let server = dir.server_with("asks_kernel", &["-DINSTRUMENTED"]);
    check(&dir, &server).assert().stdout(
        contains("transport unix: memory answers get differently: line 2")
            .and(contains("unix \"X-Unsent: yes\", memory \"X-Unsent: no\"")),
    );
}

/// Runs afl-showmap on `asks_kernel` without sockfuzz, and returns its output and the last line of the server's log.
/// `None` if clang is missing.
fn by_hand(options: &[(&str, &str)], logs: bool) -> Option<(Output, String)> {
    let dir = TestDir::new();
    let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
    let server = dir.instrumented_server("asks_kernel", &cargo_afl)?;
    dir.write("in/1", b"GET /1 HTTP/1.1\r\n\r\n");
    let log = dir.path("log");
    let output = cargo_afl
        .command()
        .args(["showmap", "-t", "10000", "-i"])
        .arg(dir.path("in"))
        .arg("-o")
        .arg(dir.path("maps"))
        .arg("--")
        .arg(&server)
        .args(logs.then_some(&log))
        .env("AFL_PRELOAD", preload::locate(None).expect("the preload"))
        .env("AFL_DEBUG_CHILD", "1")
        .env_remove(specs::TRANSPORT.variable)
        .envs(options.iter().copied())
        .output()
        .expect("afl-showmap starts");
    let log = fs::read_to_string(&log).unwrap_or_default();
    let last = log.lines().rfind(|line| !line.is_empty()).unwrap_or_default().to_owned();
    Some((output, last))
}

fn emitted(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

#[test]
fn without_sockfuzz_fuzz_equal_answers_choose_memory() {
    let Some((output, last)) = by_hand(&[], true) else { return };
    assert!(output.status.success(), "{}", emitted(&output));
    assert_eq!(last, "X-Unsent: no", "{}", emitted(&output));
}

#[test]
fn without_sockfuzz_fuzz_different_answers_choose_unix() {
    let Some((output, _)) = by_hand(&[], false) else { return };
    assert!(output.status.success(), "{}", emitted(&output));
    assert!(emitted(&output).contains("it answers differently through memory"), "{}", emitted(&output));
}

/// The comparison uses the requests of the warm-up.
#[test]
fn without_a_warm_up_nothing_is_compared() {
    let Some((output, last)) = by_hand(&[(specs::WARM_UP.variable, "off")], true) else { return };
    assert!(output.status.success(), "{}", emitted(&output));
    assert_eq!(last, "X-Unsent: yes", "{}", emitted(&output));
}

/// Two runs through unix differ in the same way, so memory is not the cause.
#[test]
fn varying_answers_do_not_exclude_memory() {
    let dir = TestDir::new();
    let server = dir.server_with("varies", &["-DINSTRUMENTED"]);
    check(&dir, &server).assert().code(0).stdout(contains("transport memory: 1 seed"));
}

#[test]
fn an_uninstrumented_server_does_not_use_memory() {
    let dir = TestDir::new();
    let server = dir.server("blocking");
    check(&dir, &server).assert().code(0).stdout(contains("transport unix: the server is not instrumented"));
}

#[test]
fn an_explicit_transport_is_used() {
    let dir = TestDir::new();
    let server = dir.server_with("blocking", &["-DINSTRUMENTED"]);
    check(&dir, &server)
        .env("SOCKFUZZ_TRANSPORT", "unix")
        .assert()
        .code(0)
        .stdout(contains("transport").not());
}

#[test]
fn a_fallback_from_explicit_memory_is_reported() {
    let _port = fixed_port();
    let dir = TestDir::new();
    let server = dir.target("fork_per_connection", "cc", &[]).expect("a C compiler is installed");
    check(&dir, &server)
        .env("SOCKFUZZ_TRANSPORT", "memory")
        .assert()
        .code(0)
        .stdout(contains("transport memory fell back to unix: it creates a process"));
}

/// The printed command contains the choice, and a resumed campaign without a check keeps it.
#[test]
fn a_resumed_campaign_keeps_its_transport() {
    let _port = fixed_port();
    let dir = TestDir::new();
    let server = dir.loop_target("epoll_wait", "cc", &[], &CargoAfl::find_or_install().expect("cargo-afl"));
    let fuzz = |options: &[&str]| {
        let mut command = dir.sockfuzz();
        command.args(["fuzz", "--afl", "-c - -E 500", "-o", "out", "-i"]).arg(dir.corpus()).args(options);
        command.arg("--").arg(&server);
        command.assert().code(0)
    };
    fuzz(&[]).stderr(
        contains("transport memory: 1 seed answered as through unix")
            .and(contains("SOCKFUZZ_TRANSPORT=memory")),
    );
    fuzz(&["--no-check"]).stderr(
        contains("transport memory: as before in this campaign").and(contains("SOCKFUZZ_TRANSPORT=memory")),
    );
}
