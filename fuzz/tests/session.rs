//! `sockfuzz session`, which converts inputs to text and back, and `replay` of an input that is a session.

mod common;

use std::fs;

use common::{TestDir, workspace};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;

/// Returns the output of `sockfuzz session` for `stdin`.
fn session(dir: &TestDir, arguments: &[&str], stdin: &[u8]) -> Vec<u8> {
    let mut command = dir.sockfuzz();
    command.arg("session").args(arguments).write_stdin(stdin);
    command.assert().code(0).get_output().stdout.clone()
}

#[test]
fn shown_text_packs_to_the_same_input() {
    let dir = TestDir::new();
    let inputs = [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\xF5\x45a\xF5\x40b\\\"\x00\xF5\xF5\xF5\x51", b""];
    for input in inputs {
        let text = session(&dir, &["show", "-"], input);
        assert_eq!(session(&dir, &["pack", "-"], &text), input, "{}", String::from_utf8_lossy(&text));
    }
}

#[test]
fn several_inputs_are_shown_by_name() {
    let dir = TestDir::new();
    dir.write("crashes/README.txt", b"not an input");
    dir.write("crashes/id:000000,sig:06", b"a\xF5\x41b");
    dir.write("plain", b"c");
    let shown = session(&dir, &["show", "plain", "crashes"], b"");
    let expected = "# plain\nsend 0 \"c\"\n\n# crashes/id:000000,sig:06\nsend 0 \"a\"\nsend 1 \"b\"\n";
    assert_eq!(String::from_utf8_lossy(&shown), expected);
    // The names are comments, so the text can still be packed.
    assert_eq!(session(&dir, &["pack", "-"], &shown), b"c\xF5\x40a\xF5\x41b");
}

#[test]
fn a_text_of_the_corpus_packs_to_its_seed() {
    let dir = TestDir::new();
    let [text, seed] = ["sessions-text", "sessions"]
        .map(|folder| workspace().path(&format!("corpus/{folder}/both-interleaved")));
    session(&dir, &["pack", text.to_str().expect("UTF-8"), "-o", "packed"], b"");
    assert_eq!(fs::read(dir.path("packed")).expect("written"), fs::read(seed).expect("a seed"));
}

#[test]
fn a_syntax_error_is_reported_with_its_line() {
    let dir = TestDir::new();
    for (text, words) in [
        ("open 1\nclose 2\n", "text: line 2: connection 2 is not open here"),
        ("send 0 \"a\"\n\n# a remark\nopen 4\n", "text: line 4: after open, the number of a connection"),
        ("send 0 \"a\n", "text: line 1: the string has no closing quote"),
    ] {
        dir.write("text", text.as_bytes());
        dir.sockfuzz()
            .args(["session", "pack", "text", "-o", "packed"])
            .assert()
            .code(1)
            .stderr(contains(words).and(contains("remedy: ")));
    }
    assert!(!dir.path("packed").exists(), "nothing is left behind");
}

#[test]
fn an_unreadable_file_is_named() {
    let dir = TestDir::new();
    dir.write("input", b"a\xF5\x41b");
    for (arguments, words) in [
        (["pack", "input"], "input: it is not text, perhaps an input already"),
        (["pack", "nowhere"], "nowhere cannot be read"),
        (["show", "nowhere"], "nowhere cannot be read"),
    ] {
        let mut command = dir.sockfuzz();
        command.arg("session").args(arguments);
        command.assert().code(1).stderr(contains(words).and(contains("remedy: ")));
    }
}

#[test]
fn an_existing_file_is_overwritten_with_force_only() {
    let dir = TestDir::new();
    dir.write("mine", b"precious");
    let pack = |options: &[&str]| {
        let mut command = dir.sockfuzz();
        command.args(["session", "pack", "-", "-o", "mine"]).args(options).write_stdin("send 0 \"a\"\n");
        command.assert()
    };
    pack(&[]).code(1).stderr(contains("mine exists").and(contains("remedy: ")).and(contains("--force")));
    assert_eq!(fs::read(dir.path("mine")).expect("still there"), b"precious");
    pack(&["--force"]).code(0);
    assert_eq!(fs::read(dir.path("mine")).expect("written"), b"a");
    let mut nowhere = dir.sockfuzz();
    nowhere.args(["session", "pack", "-", "-o", "no/where"]).write_stdin("send 0 \"a\"\n");
    nowhere.assert().code(1).stderr(contains("no/where cannot be written: ").and(contains("remedy: ")));
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\n\r\n";

#[test]
fn a_crash_that_is_a_session_is_shown_as_text() {
    let dir = TestDir::new();
    let server = dir.server("blocking");
    dir.write("crashes/id:000000,sig:06", &[REQUEST, b"\xF5\x41CRASH\r\n\r\n"].concat());
    let replay = |options: &[&str]| {
        let mut command = dir.sockfuzz();
        command.args(["replay", "crashes"]).args(options).arg("--").arg(&server);
        command.assert().code(4)
    };
    replay(&[]).stdout(
        contains(
            "-- session crashes/id:000000,sig:06 (29 bytes)\n\
             send 0 \"GET / HTTP/1.1\\r\\n\"\n       \"\\r\\n\"\n\
             send 1 \"CRASH\\r\\n\"\n       \"\\r\\n\"\n",
        )
        .and(contains("=> CRASH: SIGABRT")),
    );
    let raw = replay(&["--raw"]).get_output().stdout.clone();
    assert!(raw.windows(7).any(|window| window == b"\xF5\x41CRASH"), "{}", String::from_utf8_lossy(&raw));
}

/// Earlier answers are shown by connection, however the server ends.
#[test]
fn answers_before_the_end_are_shown() {
    let dir = TestDir::new();
    let server = dir.server("blocking");
    for last in [&b"GET"[..], b"CRASH", b"EXIT", b"HANG"] {
        let last = [b"\xF5\x42", last, b"\r\n\r\n"].concat();
        dir.write("input", &[b"\xF5\x41", REQUEST, b"\xF5\x40", REQUEST, &last].concat());
        let mut command = dir.sockfuzz();
        command.args(["replay", "--timeout", "1", "input", "--"]).arg(&server);
        let shown = command.assert();
        for connection in [0, 1] {
            let title = format!("-- answer on connection {connection} (77 bytes)\n");
            assert!(String::from_utf8_lossy(&shown.get_output().stdout).contains(&title), "{shown}");
        }
    }
}
