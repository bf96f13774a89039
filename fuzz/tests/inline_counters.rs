//! Inline counters: AFL++ gets the same map whether an edge is counted by a call or by an instruction, and whatever becomes
//! of the process.

mod common;

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use common::forkserver_client::{ForkserverClient, Verdict};
use common::{TestDir, installed};
use sockfuzz::campaign::cargo_afl::CargoAfl;
use sockfuzz::server::status_file::StatusFile;
use sockfuzz_protocol::{InlineCounters, PatchObstacle};

/// Time limit of a request. Only one that hangs reaches it, even though those that hang leave little time to the others.
const LIMIT: Duration = Duration::from_secs(3);

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

/// Returns the command that starts a server in one way.
fn command(dir: &TestDir, server: &Path, way: Way) -> Command {
    let mut command = Command::new(server);
    command.args(way.arguments).current_dir(dir.path(""));
    command.env("SOCKFUZZ_TRANSPORT", way.transport).env("SOCKFUZZ_LOOP", way.r#loop);
    command
}

/// Returns what has become of the calls, and the map of each request.
fn maps(mut command: Command, way: Way) -> (Option<InlineCounters>, Vec<Vec<u8>>) {
    let status = StatusFile::in_memory().expect("a status file");
    command.env("SOCKFUZZ_STATUS", status.path());
    let mut client = ForkserverClient::start(command);
    let maps = requests().into_iter().map(|(request, verdict)| {
        client.clear_map();
        assert_eq!(client.verdict_of(&request, LIMIT), verdict, "{way:?}");
        client.map()
    });
    let maps = maps.collect();
    (status.inline_counters(), maps)
}

/// Runs the server both ways, and compares the maps.
fn compare(dir: &TestDir, server: &Path, way: Way) {
    let with = |inline_counters: &str| {
        let mut command = command(dir, server, way);
        command.env("SOCKFUZZ_INLINE_COUNTERS", inline_counters);
        maps(command, way)
    };
    let ((found, inline), (left, by_calls)) = (with("on"), with("off"));
    assert!(found.is_some_and(|found| found.replaced > 20), "{way:?}: {found:?}");
    assert_eq!(left, None, "{way:?}");
    for ((inline, by_call), (request, verdict)) in inline.iter().zip(&by_calls).zip(requests()) {
        let request = String::from_utf8_lossy(&request);
        assert!(inline.iter().filter(|hits| **hits != 0).count() > 5, "{way:?}: {request}");
        let different = inline.iter().zip(by_call).filter(|(one, other)| one != other).count();
        // The loop of a process that is killed has run for as long as it lived.
        let allowed = if verdict == Verdict::TimedOut { 2 } else { 0 };
        assert!(different <= allowed, "{way:?}: {request}: {different} entries differ");
    }
}

fn server(dir: &TestDir, flags: &[&str]) -> Option<PathBuf> {
    installed("clang", "clang")?;
    let flags = [&["-O1", "-fsanitize-coverage=trace-pc-guard,trace-cmp"], flags].concat();
    Some(dir.loop_target("counts_edges", "clang", &flags, &CargoAfl::find_or_install().expect("cargo-afl")))
}

#[test]
fn maps_are_the_same_with_and_without() {
    let dir = TestDir::new();
    let Some(server) = server(&dir, &[]) else { return };
    std::thread::scope(|scope| {
        WAYS.into_iter().for_each(|way| {
            let (dir, server) = (&dir, &server);
            scope.spawn(move || compare(dir, server, way));
        });
    });
}

#[test]
fn maps_are_the_same_with_address_sanitizer() {
    let dir = TestDir::new();
    let Some(server) = server(&dir, &["-fsanitize=address"]) else { return };
    compare(&dir, &server, WAYS[0]);
}

/// A policy of the kernel's own stands in for those of distributions and of systemd (prctl(2), PR_SET_MDWE).
#[test]
fn a_policy_against_changed_code_keeps_the_calls() {
    let dir = TestDir::new();
    let Some(server) = server(&dir, &[]) else { return };
    let refuse = || {
        // SAFETY: prctl(2) takes numbers here.
        match unsafe { libc::prctl(libc::PR_SET_MDWE, libc::PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    let refused = |mut command: Command| {
        // SAFETY: `pre_exec` requires a closure that is async-signal-safe; it only calls prctl(2).
        unsafe { command.pre_exec(refuse) };
        command
    };
    if refused(Command::new("true")).status().is_err() {
        eprintln!("skipped: this kernel has no PR_SET_MDWE; it takes Linux 6.3");
        return;
    }
    let command = refused(command(&dir, &server, WAYS[0]));
    let (found, maps) = maps(command, WAYS[0]);
    assert_eq!(found.and_then(|found| found.obstacle), Some(PatchObstacle::Policy), "{found:?}");
    assert!(maps.iter().all(|map| map.iter().filter(|hits| **hits != 0).count() > 5));
}
