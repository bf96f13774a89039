//! `sockfuzz check`: the same answers pass, different ones are shown.

mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use common::Yard;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;

#[test]
fn the_same_answers_pass() {
    let yard = Yard::new();
    let server = yard.server("blocking");
    yard.write("corpus/post", b"POST / HTTP/1.0\r\n\r\n");
    yard.sockfuzz().args(["check", "-i"]).arg(yard.corpus()).arg("--").arg(server).assert().code(0).stdout(
        contains("2 seeds: answered as over TCP")
            .and(contains("not instrumented"))
            .and(contains("HTTP/1.1 200 OK")),
    );
}

#[test]
fn a_different_answer_is_shown() {
    let yard = Yard::new();
    let server = yard.server("two_faced");
    yard.sockfuzz().args(["check", "-i"]).arg(yard.corpus()).arg("--").arg(server).assert().code(3).stdout(
        contains("DIFFERENT")
            .and(contains("preloaded \"HTTP/1.1 200 OK\""))
            .and(contains("over TCP \"HTTP/1.1 404 No\"")),
    );
}

/// No two answers are the same, and that is not the preload's doing.
#[test]
fn an_answer_that_varies_by_itself_passes_and_is_named() {
    let yard = Yard::new();
    let server = yard.server("varies");
    yard.sockfuzz()
        .args(["check", "-i"])
        .arg(yard.corpus())
        .arg("--")
        .arg(server)
        .assert()
        .code(0)
        .stdout(contains("1 of 1 seed answered in another way each time, over TCP as well"));
}

#[test]
fn an_instrumented_server_is_recognised() {
    let yard = Yard::new();
    let server = yard.server_with("blocking", &["-DINSTRUMENTED", "-rdynamic"]);
    yard.sockfuzz()
        .args(["check", "-i"])
        .arg(yard.corpus())
        .arg("--")
        .arg(server)
        .assert()
        .code(0)
        .stdout(contains("AFL++ runtime in the dynamic symbols"));
}

#[test]
fn a_symbol_table_is_enough_and_a_stripped_server_is_named() {
    let yard = Yard::new();
    for (flag, words) in
        [("-g", "AFL++ runtime in the symbol table"), ("-s", "stripped of the AFL++ runtime's symbols")]
    {
        let server = yard.server_with("blocking", &["-DINSTRUMENTED", flag]);
        yard.sockfuzz()
            .args(["check", "-i"])
            .arg(yard.corpus())
            .arg("--")
            .arg(server)
            .assert()
            .code(0)
            .stdout(contains(words));
    }
}

#[test]
fn a_script_is_followed_to_its_interpreter() {
    let yard = Yard::new();
    let server = yard.server("blocking");
    let script = format!("#!/bin/sh\nexec {}\n", server.display());
    let script = yard.write("script", script.as_bytes());
    fs::set_permissions(&script, Permissions::from_mode(0o755)).expect("chmod");
    yard.sockfuzz()
        .args(["check", "-i"])
        .arg(yard.corpus())
        .arg("--")
        .arg(script)
        .assert()
        .code(0)
        .stdout(contains("a script, run by /bin/sh, dynamically linked"));
}

#[test]
fn a_crashing_seed_is_told_apart_from_a_dud() {
    let yard = Yard::new();
    let server = yard.server("blocking");
    yard.write("corpus/crash", b"CRASH\r\n\r\n");
    yard.sockfuzz()
        .args(["check", "-i"])
        .arg(yard.corpus())
        .arg("--")
        .arg(server)
        .assert()
        .code(3)
        .stdout(contains("the server ended: SIGABRT"));
}

#[test]
fn an_input_that_afl_would_cut_is_warned_of() {
    let yard = Yard::new();
    let server = yard.server("blocking");
    let mut long = b"GET / HTTP/1.1\r\n\r\n".to_vec();
    long.resize((1 << 20) + 1, b'x');
    yard.write("corpus/long", &long);
    yard.sockfuzz()
        .args(["check", "-i"])
        .arg(yard.corpus())
        .arg("--")
        .arg(server)
        .assert()
        .stdout(contains("long has 1048577 bytes"));
}
