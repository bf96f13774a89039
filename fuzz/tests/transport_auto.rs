//! Transport `auto`: memory where nothing speaks against it, otherwise unix, with the reason.

mod common;

use std::path::Path;

use common::{Yard, real_server};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use sockfuzz::campaign::cargo_afl::CargoAfl;

/// `sockfuzz check` on a server, with one plain request.
fn check(yard: &Yard, server: &Path) -> assert_cmd::Command {
    let mut command = yard.sockfuzz();
    command.args(["check", "-i"]).arg(yard.corpus()).arg("--").arg(server);
    command
}

/// A server that sockfuzz has not built, with all the bundled seeds.
fn memory_is_chosen(name: &str) {
    let Some(home) = real_server(name) else { return };
    Yard::new()
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

/// From its start, or as soon as it has accepted.
#[test]
fn a_server_with_threads_or_processes_is() {
    let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
    for target in ["helper_process", "pool_semaphore", "prefork", "thread_per_connection"] {
        let yard = Yard::new();
        let server = yard.loop_target(target, "cc", &[], &cargo_afl);
        check(&yard, &server).assert().code(0).stdout(contains("transport memory: 1 seed"));
    }
}

#[test]
fn a_server_with_a_process_for_each_connection_is_not() {
    let yard = Yard::new();
    let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
    let server = yard.loop_target("fork_per_connection", "cc", &[], &cargo_afl);
    let reason = "transport unix: memory cannot follow this server (it creates a process while it serves)";
    check(&yard, &server).assert().code(0).stdout(contains(reason));
}

#[test]
fn a_server_that_answers_something_else_is_not() {
    let yard = Yard::new();
    let server = yard.server("asks_kernel");
    check(&yard, &server).assert().stdout(
        contains("transport unix: memory answers get differently: line 2")
            .and(contains("unix \"X-Unsent: yes\", memory \"X-Unsent: no\"")),
    );
}

/// Where two runs through unix are as different, memory is not to blame.
#[test]
fn an_answer_that_varies_by_itself_is_no_reason() {
    let yard = Yard::new();
    let server = yard.server_with("varies", &["-DINSTRUMENTED"]);
    check(&yard, &server).assert().code(0).stdout(contains("transport memory: 1 seed"));
}

#[test]
fn a_server_that_is_learnt_from_by_its_answers_is_not() {
    let yard = Yard::new();
    let server = yard.server("blocking");
    check(&yard, &server).assert().code(0).stdout(contains("transport unix: the server is not instrumented"));
}

#[test]
fn a_transport_that_is_asked_for_is_taken() {
    let yard = Yard::new();
    let server = yard.server_with("blocking", &["-DINSTRUMENTED"]);
    check(&yard, &server)
        .env("SOCKFUZZ_TRANSPORT", "unix")
        .assert()
        .code(0)
        .stdout(contains("transport").not());
}

#[test]
fn memory_that_is_asked_for_and_left_is_told() {
    let yard = Yard::new();
    let server = yard.target("fork_per_connection", "cc", &[]).expect("a C compiler is installed");
    check(&yard, &server)
        .env("SOCKFUZZ_TRANSPORT", "memory")
        .assert()
        .code(0)
        .stdout(contains("transport memory was left for unix: it creates a process"));
}

/// The choice is in the printed command, and outlives the first run.
#[test]
fn a_campaign_keeps_its_transport() {
    let yard = Yard::new();
    let server = yard.loop_target("epoll_wait", "cc", &[], &CargoAfl::find_or_install().expect("cargo-afl"));
    let fuzz = |options: &[&str]| {
        let mut command = yard.sockfuzz();
        command.args(["fuzz", "--afl", "-c - -E 500", "-o", "out", "-i"]).arg(yard.corpus()).args(options);
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
