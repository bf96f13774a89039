//! Inline counters: AFL++ gets the same map whether an edge is counted by a call or by an instruction, and whatever becomes
//! of the process.

mod common;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use common::forkserver_client::{ForkserverClient, Verdict};
use common::{TestDir, installed};
use sockfuzz::campaign::cargo_afl::CargoAfl;
use sockfuzz::server::status_file::StatusFile;

/// Time limit of a request. Only one that hangs reaches it.
const LIMIT: Duration = Duration::from_secs(2);

/// How a server is run.
#[derive(Debug, Clone, Copy)]
struct Way {
    transport: &'static str,
    r#loop: &'static str,
    arguments: &'static [&'static str],
}

const WAYS: [Way; 5] = [
    Way { transport: "memory", r#loop: "direct", arguments: &[] },
    Way { transport: "unix", r#loop: "direct", arguments: &[] },
    Way { transport: "tcp", r#loop: "direct", arguments: &[] },
    Way { transport: "memory", r#loop: "afl", arguments: &[] },
    Way { transport: "memory", r#loop: "direct", arguments: &["thread"] },
];

/// Requests, with what becomes of each. The long one makes counters wrap around.
fn requests() -> Vec<(Vec<u8>, Verdict)> {
    let long = [&b"GET /"[..], &[b'a'; 600], b"0123456789 HTTP/1.1\r\n\r\n"].concat();
    vec![
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), Verdict::Finished),
        (b"POST /%00 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc".to_vec(), Verdict::Finished),
        (long, Verdict::Finished),
        (b"GET /crash HTTP/1.1\r\n\r\n".to_vec(), Verdict::Signalled(6)),
        (b"GET /next HTTP/1.1\r\n\r\n".to_vec(), Verdict::Finished),
        (b"GET /hang HTTP/1.1\r\n\r\n".to_vec(), Verdict::TimedOut),
        (b"GET /last HTTP/1.1\r\n\r\n".to_vec(), Verdict::Finished),
    ]
}

/// Returns the number of calls that were replaced, and the map of each request.
fn maps(dir: &TestDir, server: &Path, way: Way, inline_counters: &str) -> (u32, Vec<Vec<u8>>) {
    let status = StatusFile::in_memory().expect("a status file");
    let mut command = Command::new(server);
    command.args(way.arguments).current_dir(dir.path(""));
    command.env("SOCKFUZZ_INLINE_COUNTERS", inline_counters).env("SOCKFUZZ_STATUS", status.path());
    command.env("SOCKFUZZ_TRANSPORT", way.transport).env("SOCKFUZZ_LOOP", way.r#loop);
    let mut client = ForkserverClient::start(command);
    let maps = requests().into_iter().map(|(request, verdict)| {
        client.clear_map();
        assert_eq!(client.verdict_of(&request, LIMIT), verdict, "{way:?}");
        client.map()
    });
    let maps = maps.collect();
    (status.inline_counters().map_or(0, |found| found.replaced), maps)
}

#[test]
fn maps_are_the_same_with_and_without() {
    let Some(_) = installed("clang", "clang") else { return };
    let dir = TestDir::new();
    let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
    let server =
        dir.loop_target("counts_edges", "clang", &["-O1", "-fsanitize-coverage=trace-pc-guard"], &cargo_afl);
    std::thread::scope(|scope| {
        WAYS.into_iter().for_each(|way| {
            let (dir, server) = (&dir, &server);
            scope.spawn(move || compare(dir, server, way));
        });
    });
}

/// Runs the server both ways, and compares the maps.
fn compare(dir: &TestDir, server: &Path, way: Way) {
    let (replaced, inline) = maps(dir, server, way, "on");
    let (left, by_calls) = maps(dir, server, way, "off");
    assert!(replaced > 20 && left == 0, "{way:?}: {replaced} calls were replaced, {left} when that was off");
    for ((inline, by_call), (request, verdict)) in inline.iter().zip(&by_calls).zip(requests()) {
        let request = String::from_utf8_lossy(&request);
        assert!(inline.iter().filter(|hits| **hits != 0).count() > 5, "{way:?}: {request}");
        let different = inline.iter().zip(by_call).filter(|(one, other)| one != other).count();
        // The loop of a process that is killed has run for as long as it lived.
        let allowed = if verdict == Verdict::TimedOut { 2 } else { 0 };
        assert!(different <= allowed, "{way:?}: {request}: {different} entries differ");
    }
}
