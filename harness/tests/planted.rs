//! Tests that the request or session in `harness/planted/` triggers its planted bug.

mod common;

use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use common::{PATIENCE, Server};
use sockfuzz_protocol::session::{Action, Session};

const HELLO: &[u8] = b"GET /static/notes.txt HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Symptom of a bug.
enum Outcome {
    /// A panic with this message ends the connection; the server continues.
    Caught(&'static str),
    /// This signal kills the server, after it has printed this message.
    Killed(i32, &'static str),
    /// The server loops endlessly.
    Hang,
}
use Outcome::{Caught, Hang, Killed};

const MODELS: [&str; 6] = ["accept-threads", "thread-per-connection", "pool", "poll", "epoll", "tokio"];

fn trigger(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("planted").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn shows(name: &str, outcome: &Outcome) {
    let trigger = trigger(&format!("{name}.http"));
    for model in ["epoll", "tokio"] {
        let server = Server::start_planted(model);
        match outcome {
            Caught(message) => {
                server.exchange(&trigger);
                assert!(server.exchange(HELLO).starts_with(b"HTTP/1.1 200 "));
                let said = server.stop();
                assert!(said.contains(message), "{model} printed {said:?}");
            }
            Killed(signal, message) => {
                assert_eq!(server.exchange(&trigger), b"", "{model} has answered");
                let (status, said) = server.wait();
                assert_eq!(status.signal(), Some(*signal), "{model} printed {said:?}");
                assert!(said.contains(message), "{model} printed {said:?}");
            }
            Hang => {
                let mut stream = server.connect();
                stream.write_all(&trigger).unwrap();
                // Only the bug uses 50 ticks of processor time.
                let deadline = Instant::now() + PATIENCE;
                while processor_ticks(server.pid()) < 50 {
                    assert!(Instant::now() < deadline, "{model} does not hang");
                    thread::sleep(Duration::from_millis(10));
                }
                stream.set_nonblocking(true).unwrap();
                assert!(stream.peek(&mut [0]).is_err(), "{model} has answered");
                server.stop();
            }
        }
        let sound = Server::start(model);
        assert!(sound.exchange(&trigger).starts_with(b"HTTP/1.1 "), "{model}");
        assert!(sound.exchange(HELLO).starts_with(b"HTTP/1.1 200 "), "{model}");
        assert!(!sound.stop().contains("panicked"), "{model}");
    }
}

/// Checks a bug that needs a session. It depends on the events on connections, and so on the model.
fn shows_in_session(name: &str, outcome: &Outcome) {
    let text = String::from_utf8(trigger(&format!("{name}.session"))).unwrap();
    let session: Session = text.parse().unwrap();
    // The same bytes on a single connection, as in an input without a session.
    let raw: Vec<u8> = session.steps().iter().flat_map(|step| bytes(&step.action)).copied().collect();
    for model in MODELS {
        let server = Server::start_planted(model);
        server.exchange(&raw);
        assert!(server.exchange(HELLO).starts_with(b"HTTP/1.1 200 "), "{model} fails without the session");
        server.play(&session);
        match outcome {
            Caught(message) => {
                assert!(server.exchange(HELLO).starts_with(b"HTTP/1.1 200 "));
                let said = server.stop();
                assert!(said.contains(message), "{model} printed {said:?}");
            }
            Killed(signal, message) => {
                let (status, said) = server.wait();
                assert_eq!(status.signal(), Some(*signal), "{model} printed {said:?}");
                assert!(said.contains(message), "{model} printed {said:?}");
            }
            Hang => unreachable!("no such bug"),
        }
        let sound = Server::start(model);
        sound.play(&session);
        assert!(sound.exchange(HELLO).starts_with(b"HTTP/1.1 200 "), "{model}");
        assert!(!sound.stop().contains("panicked"), "{model}");
    }
}

fn bytes(action: &Action) -> &[u8] {
    match action {
        Action::Send(bytes) => bytes,
        _ => &[],
    }
}

/// Time that a process has spent in user mode, in clock ticks (proc_pid_stat(5), field 14).
fn processor_ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, after_name) = stat.rsplit_once(") ").unwrap();
    after_name.split(' ').nth(11).unwrap().parse().unwrap()
}

macro_rules! planted {
    ($($test:ident: $shows:ident($name:literal, $extension:literal) => $outcome:expr;)+) => {
        $(
            #[test]
            fn $test() {
                $shows($name, &$outcome);
            }
        )+

        #[test]
        fn every_trigger_is_tested() {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/planted");
            let mut names: Vec<_> = fs::read_dir(folder)
                .unwrap()
                .map(Result::unwrap)
                // The requests below `histories` are those of fuzz/tests/histories.rs.
                .filter(|entry| entry.path().is_file())
                .map(|entry| entry.file_name().into_string().unwrap())
                .collect();
            names.sort();
            assert_eq!(names, [$(concat!($name, $extension)),+]);
        }
    };
}

planted! {
    cookie_escape: shows("01-cookie-escape", ".http") => Caught("planted bug 1:");
    chunk_size: shows("02-chunk-size", ".http") => Caught("planted bug 2:");
    weight: shows("03-weight", ".http") => Killed(libc::SIGABRT, "planted bug 3:");
    hops: shows("04-hops", ".http") => Killed(libc::SIGSEGV, "");
    short_value: shows("05-short-value", ".http") => Caught("planted bug 5:");
    reference: shows("06-reference", ".http") => Killed(libc::SIGABRT, "has overflowed its stack");
    encodings: shows("07-encodings", ".http") => Hang;
    second_host: shows("08-second-host", ".http") => Caught("planted bug 8:");
    suffix: shows("09-suffix", ".http") => Caught("planted bug 9:");
    no_parts: shows("10-no-parts", ".http") => Caught("planted bug 10:");
    upgrade: shows("11-upgrade", ".http") => Killed(libc::SIGABRT, "planted bug 11:");
    session_twice: shows_in_session("12-session-twice", ".session") => Caught("planted bug 12:");
    cut_line: shows_in_session("13-cut-line", ".session") => Caught("planted bug 13:");
    lost_body: shows_in_session("14-lost-body", ".session") => Killed(libc::SIGABRT, "planted bug 14:");
}
