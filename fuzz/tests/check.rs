//! `sockfuzz check`: equal answers pass, different ones are shown.

mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use assert_cmd::assert::Assert;
use common::TestDir;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use sockfuzz::campaign::cargo_afl::CargoAfl;

/// Checks a server with the seeds of the directory.
fn check(dir: &TestDir, options: &[&str], server: &Path) -> Assert {
    dir.sockfuzz().arg("check").args(options).arg("-i").arg(dir.corpus()).arg("--").arg(server).assert()
}

/// Writes an executable script into the directory.
fn executable(dir: &TestDir, text: &str) -> PathBuf {
    let script = dir.write("script", text.as_bytes());
    fs::set_permissions(&script, Permissions::from_mode(0o755)).expect("chmod");
    script
}

#[test]
fn equal_answers_pass() {
    let dir = TestDir::new();
    let server = dir.server("blocking");
    dir.write("corpus/post", b"POST / HTTP/1.0\r\n\r\n");
    check(&dir, &[], &server).code(0).stdout(
        contains("2 seeds: answered as over TCP")
            .and(contains("not instrumented"))
            .and(contains("HTTP/1.1 200 OK")),
    );
}

#[test]
fn a_different_answer_is_shown() {
    let dir = TestDir::new();
    let server = dir.server("two_faced");
    check(&dir, &[], &server).code(3).stdout(
        contains("DIFFERENT")
            .and(contains("preloaded \"HTTP/1.1 200 OK\""))
            .and(contains("over TCP \"HTTP/1.1 404 No\"")),
    );
}

#[test]
fn an_exit_after_the_answer_is_reported() {
    let dir = TestDir::new();
    let server = dir.server("blocking");
    dir.write("corpus/last", b"LAST / HTTP/1.0\r\n\r\n");
    check(&dir, &[], &server)
        .code(0)
        .stdout(contains("exits while it serves 1 of 2 seeds").and(contains("--exits count")));
}

/// No two answers are equal, and the preload is not the cause.
#[test]
fn varying_answers_pass_and_are_reported() {
    let dir = TestDir::new();
    let server = dir.server("varies");
    check(&dir, &[], &server)
        .code(0)
        .stdout(contains("1 of 1 seed answered differently each time, over TCP as well"));
}

#[test]
fn an_instrumented_server_is_recognised() {
    let dir = TestDir::new();
    let server = dir.server_with("blocking", &["-DINSTRUMENTED", "-rdynamic"]);
    check(&dir, &["--no-loop"], &server).code(0).stdout(contains("AFL++ runtime in the dynamic symbols"));
}

#[test]
fn a_symbol_table_is_enough_and_a_stripped_server_is_named() {
    let dir = TestDir::new();
    for (flag, words) in
        [("-g", "AFL++ runtime in the symbol table"), ("-s", "stripped of the AFL++ runtime's symbols")]
    {
        let server = dir.server_with("blocking", &["-DINSTRUMENTED", flag]);
        check(&dir, &["--no-loop"], &server).code(0).stdout(contains(words));
    }
}

/// The server exits when afl-fuzz runs it, which single runs do not reveal.
#[test]
fn a_server_that_fails_in_the_loop_does_not_pass() {
    let dir = TestDir::new();
    let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
    let Some(server) = dir.instrumented_server("ends_in_loop", &cargo_afl) else { return };
    check(&dir, &[], &server)
        .code(5)
        .stdout(contains("1 seed: answered as over TCP"))
        .stderr(contains("in the loop under afl-fuzz it does not"));
    let server = dir.instrumented_server("blocking", &cargo_afl).expect("clang is installed");
    dir.write("corpus/crash", b"CRASH\r\n\r\n");
    check(&dir, &[], &server).code(0).stdout(
        contains("executions under afl-fuzz with cmplog")
            .and(contains(" calls that count edges are replaced by an instruction")),
    );
    check(&dir, &["--inline-counters", "off"], &server)
        .code(0)
        .stdout(contains("replaced by an instruction").not());
}

#[test]
fn the_interpreter_of_a_script_is_inspected() {
    let dir = TestDir::new();
    let server = dir.server("blocking");
    let script = executable(&dir, &format!("#!/bin/sh\nexec {}\n", server.display()));
    check(&dir, &[], &script).code(0).stdout(contains("a script, run by /bin/sh, dynamically linked"));
}

#[test]
fn a_seed_that_crashes_does_not_make_the_server_unusable() {
    let dir = TestDir::new();
    let server = dir.server("blocking");
    dir.write("corpus/crash", b"CRASH\r\n\r\n");
    check(&dir, &[], &server).code(0).stdout(
        contains("the server ended: SIGABRT")
            .and(contains("it ends the server over TCP as well"))
            .and(contains("1 of 2 seeds crashed or hung the server, over TCP as well")),
    );
}

#[test]
fn a_seed_that_hangs_the_server_over_tcp_as_well_is_no_difference() {
    let dir = TestDir::new();
    let server = dir.server("blocking");
    dir.write("corpus/hang", b"HANG\r\n\r\n");
    check(&dir, &["--timeout", "1"], &server)
        .code(0)
        .stdout(contains("it hangs the server over TCP as well"));
}

#[test]
fn an_answer_that_a_reset_cuts_over_tcp_varies() {
    let dir = TestDir::new();
    let server = dir.server("cut");
    check(&dir, &[], &server).code(0).stdout(contains("varies").and(contains("cut by a reset")));
}

#[test]
fn status_classes_are_counted_and_a_corpus_without_success_is_named() {
    let dir = TestDir::new();
    for (server, classes, is_named) in [
        ("blocking", "status of the answers: 2xx 1, 3xx 0, 4xx 0, 5xx 0", false),
        ("cut", "status of the answers: 2xx 0, 3xx 0, 4xx 1, 5xx 0", true),
    ] {
        let named = contains("no seed is answered 2xx or 3xx");
        let assert = check(&dir, &[], &dir.server(server)).stdout(contains(classes));
        if is_named {
            assert.stdout(named)
        } else {
            assert.stdout(named.not())
        };
    }
}

/// A seed that ends the server does not affect the other seeds.
#[test]
fn many_seeds_need_few_processes() {
    let dir = TestDir::new();
    let server = dir.server("blocking");
    for number in 0..60 {
        dir.write(&format!("corpus/{number:02}"), format!("GET /{number} HTTP/1.0\r\n\r\n").as_bytes());
    }
    dir.write("corpus/30-crash", b"CRASH\r\n\r\n");
    let log = dir.write("starts", b"");
    let script = format!("#!/bin/sh\necho start >> {}\nexec {}\n", log.display(), server.display());
    let script = executable(&dir, &script);
    check(&dir, &["--sandbox", "off", "--transport", "unix"], &script)
        .code(0)
        .stdout(contains("1 of 62 seeds crashed or hung the server, over TCP as well"));
    let starts = fs::read_to_string(log).expect("the log").lines().count();
    // The first seed and the one that crashes have processes of their own, through the preload and over TCP.
    assert!(starts <= 8, "{starts}");
}

/// An answer that depends on the seeds before it in the same process is not a difference.
#[test]
fn a_server_that_counts_its_requests_passes() {
    let dir = TestDir::new();
    let server = dir.server_with("blocking", &["-DCOUNTS"]);
    for number in 0..5 {
        dir.write(&format!("corpus/{number}"), format!("GET /{number} HTTP/1.0\r\n\r\n").as_bytes());
    }
    // This seed ends the preloaded server; a new process answers the seeds after it.
    dir.write("corpus/2-crash", b"CRASH\r\n\r\n");
    let differs = contains("DIFFERENT").or(contains("varies"));
    check(&dir, &[], &server).code(0).stdout(contains("1 of 7 seeds crashed").and(differs.not()));
}

#[test]
fn an_input_that_afl_truncates_causes_a_warning() {
    let dir = TestDir::new();
    let server = dir.server("blocking");
    let mut long = b"GET / HTTP/1.1\r\n\r\n".to_vec();
    long.resize((1 << 20) + 1, b'x');
    dir.write("corpus/long", &long);
    check(&dir, &[], &server).stdout(contains("long has 1048577 bytes"));
}

/// `check` reports an executable without the symbol by which the keys of its hash maps are reset.
#[test]
fn unreachable_hash_keys_are_reported() {
    let dir = TestDir::new();
    for (flags, is_named) in [(["-C", "strip=none"], false), (["-C", "strip=symbols"], true)] {
        let server = dir.rust_target("hash_order", &flags);
        let mut command = dir.sockfuzz();
        let output = command.arg("check").arg("-i").arg(dir.corpus()).arg("--").arg(&server).output();
        let output = String::from_utf8(output.expect("it starts").stdout).expect("text");
        assert!(output.contains("1 seed"), "{output}");
        assert_eq!(output.contains("HashMap"), is_named, "{flags:?}: {output}");
    }
}
