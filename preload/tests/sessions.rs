//! Single runs of sessions with target programs that log what they see of each connection. Every transport gives the
//! same log, but over TCP a close looks like a half-close.

mod common;

use common::{Target, contains, describe, transports};
use sockfuzz_protocol::answers;
use sockfuzz_protocol::session::Session;

include!("targets/sessions.rs");

const SESSION: (&str, &str) = ("SOCKFUZZ_INPUT", "session");
const PIECES: (&str, &str) = ("SOCKFUZZ_ANSWERS", "pieces");

/// Plays every session over every transport.
fn sees(name: &str, style: Style) {
    let target = Target::compile(name, &[]);
    for [transport] in transports() {
        for (session, log, answer) in cases(style, transport.1) {
            let input = session.parse::<Session>().expect("a valid session").encode();
            let file = tempfile::NamedTempFile::new().expect("a temporary file");
            let path = file.path().to_str().expect("UTF-8");
            let output = target.run(&input, &[transport, SESSION, PIECES, ("TARGET_LOG", path)]);
            assert!(output.status.success(), "{name} {transport:?}: {}", describe(&output));
            let seen = std::fs::read_to_string(path).expect("the log");
            assert_eq!(seen, log, "{name} {transport:?} {session} {}", describe(&output));
            if let Some(answer) = &answer {
                let answers = answers::sort(&output.stdout).concat();
                assert_eq!(String::from_utf8_lossy(&answers), *answer, "{name} {transport:?} {session}");
            }
        }
    }
}

test_session_targets!(sees);

/// A server that serves one connection after the other sees the steps grouped by connection.
#[test]
fn session_blocking() {
    let target = Target::compile("session_blocking", &[]);
    let input = b"a\xF5\x41b\xF5\x40c\xF5\x41d\xF5\x51\xF5\x42e";
    for [transport] in transports() {
        let output = target.run(input, &[transport, SESSION]);
        assert!(output.status.success(), "{transport:?}: {}", describe(&output));
        assert!(output.stdout.starts_with(b"0:a;0:c;0:end;"), "{transport:?}: {}", describe(&output));
        assert!(output.stdout.ends_with(b"0:e;0:end;"), "{transport:?}: {}", describe(&output));
    }
}

/// A child process that half-closes first sees the end of the connection, although it has inherited the client's end.
#[test]
fn session_forks_lingering() {
    let target = Target::compile("session_forks_lingering", &[]);
    let input = "send 0 \"a\"\nsend 1 \"b\"".parse::<Session>().expect("a valid session").encode();
    for [transport] in transports() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let path = file.path().to_str().expect("UTF-8");
        let output = target.run(&input, &[transport, SESSION, ("TARGET_LOG", path)]);
        assert!(output.status.success(), "{transport:?}: {}", describe(&output));
        let seen = std::fs::read_to_string(path).expect("the log");
        assert_eq!(seen, "0 a\n1 b\n0 end\n1 end\n", "{transport:?}: {}", describe(&output));
    }
}

/// A connection that does not fit into the backlog is not made. Over transport memory, it fits.
#[test]
fn session_blocking_without_room() {
    let target = Target::compile("session_blocking", &["-DBACKLOG=0"]);
    let session = "send 0 \"a\"\nopen 1\nsend 2 \"b\"\nopen 3\nsend 0 \"c\"";
    let input = session.parse::<Session>().expect("a valid session").encode();
    for transport in ["unix", "tcp"] {
        let output = target.run(&input, &[("SOCKFUZZ_TRANSPORT", transport), SESSION, PIECES]);
        assert!(output.status.success(), "{transport} {}", describe(&output));
        let answers = answers::sort(&output.stdout);
        assert_eq!(
            answers,
            [&b"0:a;0:c;0:end;"[..], b"0:end;", b"", b""],
            "{transport} {}",
            describe(&output)
        );
    }
}

/// Transport memory plays a reset without a fallback to unix.
#[test]
fn sessions_stay_in_memory() {
    let memory = [("SOCKFUZZ_TRANSPORT", "memory"), SESSION];
    for name in [
        "session_blocking",
        "session_epoll",
        "session_poll",
        "session_select",
        "session_threads",
        "session_threads_registering",
        "session_threads_waiting",
    ] {
        let output = Target::compile(name, &[]).run(b"a\xF5\x41b\xF5\x50\xF5\x41c", &memory);
        assert!(!contains(&output.stderr, "going on with unix"), "{name} {}", describe(&output));
    }
}

/// All answers arrive in the order in which the server gave them, on every connection and however the server ends.
#[test]
fn answers_are_kept_when_the_server_ends() {
    let target = Target::compile("session_epoll", &[]);
    for [transport] in transports() {
        for (last, status) in [("abort", "signal: 6"), ("exit", "exit status: 7"), ("c", "exit status: 0")] {
            let session = format!("send 1 \"a\"\nsend 0 \"b\"\nsend 1 \"{last}\"");
            let input = session.parse::<Session>().expect("a valid session").encode();
            let output = target.run(&input, &[transport, SESSION]);
            assert!(output.status.to_string().starts_with(status), "{transport:?} {}", describe(&output));
            assert!(output.stdout.starts_with(b"0:a;1:b;"), "{transport:?} {last} {}", describe(&output));
            let output = target.run(&input, &[transport, SESSION, PIECES]);
            let [first, second, ..] = answers::sort(&output.stdout);
            assert!(first.starts_with(b"1:b;") && second.starts_with(b"0:a;"), "{}", describe(&output));
        }
    }
}
