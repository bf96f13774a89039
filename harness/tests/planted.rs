//! Every planted bug, set off by the request that `harness/planted/` keeps for it.

mod common;

use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use common::{PATIENCE, Server};

const SERVER: &str = env!("CARGO_BIN_EXE_sockfuzz-server");
const PLANTED: &str = env!("CARGO_BIN_EXE_sockfuzz-planted");

const HELLO: &[u8] = b"GET /static/notes.txt HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// How a bug shows.
enum Outcome {
    /// A panic with this message ends the connection; the server lives on.
    Caught(&'static str),
    /// The server is killed by this signal, and says so much.
    Killed(i32, &'static str),
    /// The server computes for ever.
    Hang,
}
use Outcome::{Caught, Hang, Killed};

fn trigger(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("planted/{name}.http"));
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn shows(name: &str, outcome: &Outcome) {
    let trigger = trigger(name);
    for model in ["epoll", "tokio"] {
        let server = Server::start(PLANTED, model);
        match outcome {
            Caught(message) => {
                server.exchange(&trigger);
                assert!(server.exchange(HELLO).starts_with(b"HTTP/1.1 200 "));
                let said = server.stop();
                assert!(said.contains(message), "{model} said {said:?}");
            }
            Killed(signal, message) => {
                assert_eq!(server.exchange(&trigger), b"", "{model} answers");
                let (status, said) = server.wait();
                assert_eq!(status.signal(), Some(*signal), "{model} said {said:?}");
                assert!(said.contains(message), "{model} said {said:?}");
            }
            Hang => {
                let mut stream = server.connect();
                stream.write_all(&trigger).unwrap();
                // Nothing but the bug takes so much time of the processor.
                let deadline = Instant::now() + PATIENCE;
                while processor_ticks(server.pid()) < 50 {
                    assert!(Instant::now() < deadline, "{model} does not hang");
                    thread::sleep(Duration::from_millis(10));
                }
                stream.set_nonblocking(true).unwrap();
                assert!(stream.peek(&mut [0]).is_err(), "{model} answers");
                server.stop();
            }
        }
        let sound = Server::start(SERVER, model);
        assert!(sound.exchange(&trigger).starts_with(b"HTTP/1.1 "), "{model}");
        assert!(sound.exchange(HELLO).starts_with(b"HTTP/1.1 200 "), "{model}");
        assert!(!sound.stop().contains("panicked"), "{model}");
    }
}

/// Time that a process has spent in user mode, in clock ticks (proc_pid_stat(5), field 14).
fn processor_ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, after_name) = stat.rsplit_once(") ").unwrap();
    after_name.split(' ').nth(11).unwrap().parse().unwrap()
}

macro_rules! planted {
    ($($test:ident: $name:literal => $outcome:expr;)+) => {
        $(
            #[test]
            fn $test() {
                shows($name, &$outcome);
            }
        )+

        #[test]
        fn every_trigger_is_tested() {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/planted");
            let mut names: Vec<_> = fs::read_dir(folder)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            assert_eq!(names, [$(concat!($name, ".http")),+]);
        }
    };
}

planted! {
    cookie_escape: "01-cookie-escape" => Caught("planted bug 1:");
    chunk_size: "02-chunk-size" => Caught("planted bug 2:");
    weight: "03-weight" => Killed(libc::SIGABRT, "planted bug 3:");
    hops: "04-hops" => Killed(libc::SIGSEGV, "");
    short_value: "05-short-value" => Caught("planted bug 5:");
    reference: "06-reference" => Killed(libc::SIGABRT, "has overflowed its stack");
    encodings: "07-encodings" => Hang;
    second_host: "08-second-host" => Caught("planted bug 8:");
    suffix: "09-suffix" => Caught("planted bug 9:");
    no_parts: "10-no-parts" => Caught("planted bug 10:");
    upgrade: "11-upgrade" => Killed(libc::SIGABRT, "planted bug 11:");
}
