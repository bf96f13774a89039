//! Single runs that end in other ways than by an idle server. No answer is lost, and the exit status shows how the
//! server ended. A test has the name of its target.

mod common;

use common::{Target, contains, describe, transports};

const REQUEST: &[u8] = b"GET /path HTTP/1.1\r\nHost: a\r\n\r\n";

/// The process that accepts waits for the process that works, whether that is its child or its parent.
#[test]
fn back_answers() {
    let target = Target::compile("back_answers", &[]);
    for front in ["child", "parent"] {
        for [transport] in transports() {
            let output = target.run(REQUEST, &[transport, ("TARGET_FRONT", front)]);
            assert!(output.status.success(), "{front} {transport:?} {}", describe(&output));
            assert!(
                output.stdout.ends_with(b"GET /path HTTP/1.1\n"),
                "{front} {transport:?} {}",
                describe(&output)
            );
        }
    }
}

#[test]
fn answers_then_exits() {
    let target = Target::compile("answers_then_exits", &[]);
    for options in transports() {
        let output = target.run(REQUEST, &options);
        assert!(output.status.success(), "{options:?} {}", describe(&output));
        assert!(output.stdout.ends_with(b"GET /path HTTP/1.1\n"), "{options:?} {}", describe(&output));
    }
}

/// The answer and the exit status arrive, whichever thread comes first.
#[test]
fn exits_while_another_waits() {
    let target = Target::compile("exits_while_another_waits", &[]);
    for options in transports() {
        let output = target.run(REQUEST, &options);
        assert_eq!(output.status.code(), Some(3), "{options:?} {}", describe(&output));
        assert!(output.stdout.ends_with(b"GET /path HTTP/1.1\n"), "{options:?} {}", describe(&output));
    }
}

/// A run does not end before a pending signal has been handled.
#[test]
fn signal_at_the_end() {
    let target = Target::compile("signal_at_the_end", &[]);
    for [transport] in transports() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let path = file.path().to_str().expect("UTF-8");
        let output = target.run(REQUEST, &[transport, ("TARGET_LOG", path)]);
        assert!(output.stdout.ends_with(b"GET /path HTTP/1.1\n"), "{transport:?} {}", describe(&output));
        let seen = std::fs::read_to_string(path).expect("the log");
        assert!(seen.ends_with("signal\n"), "{transport:?} {seen} {}", describe(&output));
    }
}

/// An internal error of the preload is reported as such, with a backtrace, and not as a crash of the server.
#[test]
fn internal_error_is_not_reported_as_crash() {
    let target = Target::compile("accept_blocking", &[]);
    let output = target.run(REQUEST, &[("SOCKFUZZ_TEST_PANIC", "play")]);
    assert_eq!(output.status.code(), Some(70), "{}", describe(&output));
    for said in ["internal error, please report it", "as asked, in play", "sockfuzz_preload::"] {
        assert!(contains(&output.stderr, said), "{said}: {}", describe(&output));
    }
}
