//! Batch mode: one process answers several inputs in turn, each over its own connections. Each target uses
//! different system calls.

mod common;

use std::os::unix::process::ExitStatusExt;

use common::{Target, contains, describe, transports};
use sockfuzz_protocol::{answers, batch};

const BATCH: (&str, &str) = ("SOCKFUZZ_BATCH", "on");
const PIECES: (&str, &str) = ("SOCKFUZZ_ANSWERS", "pieces");

const REQUESTS: [&[u8]; 3] =
    [b"GET /1 HTTP/1.1\r\n\r\n", b"GET /second HTTP/1.1\r\n\r\n", b"GET /3 HTTP/1.1\r\n\r\n"];

/// Returns the complete answer of a target to each of the [`REQUESTS`].
fn answers_of(target: &Target, transport: (&str, &str)) -> Vec<String> {
    let output = target.run(&batch::encode(REQUESTS), &[transport, BATCH, PIECES]);
    assert!(output.status.success(), "{transport:?}: {}", describe(&output));
    let answers = answers::split(&output.stdout);
    answers.iter().map(|answers| String::from_utf8_lossy(&answers.concat()).into_owned()).collect()
}

/// Declares a test for each target that repeats the first line of a request.
macro_rules! answers_each_request {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                let target = Target::compile(stringify!($name), &[]);
                for [transport] in transports() {
                    let expected = ["GET /1", "GET /second", "GET /3"].map(|line| {
                        let body = format!("{line} HTTP/1.1\n");
                        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
                    });
                    assert_eq!(answers_of(&target, transport), expected, "{transport:?}");
                }
            }
        )*
    };
}

answers_each_request!(
    accept_blocking,
    cgi,
    epoll_wait,
    fork_per_connection,
    poll,
    pool_condition_variable,
    thread_per_connection
);

/// Answers that are complete before the process crashes are kept.
#[test]
fn ends_as_told() {
    let target = Target::compile("ends_as_told", &[]);
    let requests: [&[u8]; 3] =
        [b"GET /0/well HTTP/1.1\r\n\r\n", b"GET /1/crash HTTP/1.1\r\n\r\n", REQUESTS[0]];
    for [transport] in transports() {
        let output = target.run(&batch::encode(requests), &[transport, BATCH, PIECES]);
        assert_eq!(output.status.signal(), Some(libc::SIGSEGV), "{transport:?}: {}", describe(&output));
        let answers = answers::split(&output.stdout);
        assert_eq!(answers.len(), 1, "{transport:?}: {}", describe(&output));
        assert!(contains(&answers[0].concat(), "HTTP/1.1 200 OK"), "{transport:?}: {}", describe(&output));
    }
}
