//! `sockfuzz record`: what clients send to a real server becomes inputs, in whichever way the server reads it.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use assert_cmd::assert::Assert;
use common::{TestDir, free_port};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use sockfuzz_protocol::session::{Action, Session};

const LONG_LINE: &str = "GET /a?x=0123456789 HTTP/1.1|Host: a||";

/// Server, client and port of a test.
struct Recording {
    dir: TestDir,
    server: PathBuf,
    client: PathBuf,
    port: u16,
}

impl Recording {
    fn new() -> Self {
        let dir = TestDir::new();
        let server = dir.server_with("reads", &["-pthread"]);
        let client = dir.server("asks");
        Self { dir, server, client, port: free_port() }
    }

    /// Returns the command of a client that sends these chunks, each after the answer to the one before.
    fn client(&self, chunks: &[&str]) -> String {
        let words = [vec![self.client.display().to_string(), self.port.to_string()]].concat();
        let chunks = chunks.iter().map(|chunk| (*chunk).to_owned());
        shell_words::join(words.into_iter().chain(chunks))
    }

    /// Records a server that reads in this way while a command runs.
    fn record(&self, way: &str, during: &str) -> Assert {
        let mut command = self.dir.sockfuzz();
        command.args(["record", "-o", "seeds", "--during", during, "--"]);
        command.arg(&self.server).args([&self.port.to_string(), way]);
        command.assert()
    }

    fn seeds(&self) -> BTreeMap<String, Vec<u8>> {
        let files = fs::read_dir(self.dir.path("seeds")).expect("written").map(|entry| entry.expect("read"));
        files
            .map(|file| {
                let name = file.file_name().to_string_lossy().into_owned();
                (name, fs::read(file.path()).expect("readable"))
            })
            .collect()
    }
}

fn bytes(text: &str) -> Vec<u8> {
    text.replace('|', "\r\n").into_bytes()
}

fn is_recorded_by(way: &str) {
    let recording = Recording::new();
    let second = LONG_LINE.replace("/a", "/b");
    recording
        .record(way, &recording.client(&[LONG_LINE, &second]))
        .code(0)
        .stdout(contains("1 connection, 2 requests: 1 input written").and(contains("GET     /b\n")));
    let expected = BTreeMap::from([("get-a".to_owned(), bytes(&[LONG_LINE, &second].concat()))]);
    assert_eq!(recording.seeds(), expected, "{way}");
}

macro_rules! ways {
    ($($way:ident),*) => {
        $(
            #[test]
            fn $way() {
                is_recorded_by(stringify!($way));
            }
        )*
    };
}

ways!(
    recv, recvfrom, readv, recvmsg, recvmmsg, peek, syscall, splice, small, dup, stream, passed, exec,
    threads, prefork, backend
);

#[test]
fn several_clients_at_once_are_an_input_each() {
    for way in ["threads", "prefork"] {
        let recording = Recording::new();
        let clients = (0..8).map(|client| {
            let path = |request: u32| format!("GET /{client}/{request} HTTP/1.1|Host: a||");
            let requests: Vec<String> = (0..20).map(path).collect();
            let requests: Vec<&str> = requests.iter().map(String::as_str).collect();
            recording.client(&requests) + " & "
        });
        let during = clients.collect::<String>() + "wait";
        recording
            .record(way, &during)
            .code(0)
            .stdout(contains("8 connections, 160 requests: 8 inputs written"));
        for (name, input) in recording.seeds() {
            let client = name.strip_prefix("get-").and_then(|name| name.split('-').next()).expect("a number");
            let path = |request: u32| bytes(&format!("GET /{client}/{request} HTTP/1.1|Host: a||"));
            assert_eq!(input, (0..20).flat_map(path).collect::<Vec<_>>(), "{way}");
        }
    }
}

#[test]
fn an_answer_in_the_middle_of_a_request_and_a_reset_are_steps() {
    let recording = Recording::new();
    let head = "POST /c HTTP/1.1|Content-Length: 4|Expect: 100-continue||";
    recording.record("recv", &recording.client(&[LONG_LINE, head, "1234", "reset"])).code(0);
    let seeds = recording.seeds();
    let steps = Session::decode(seeds.values().next().expect("an input")).into_steps();
    let actions: Vec<_> = steps.into_iter().map(|step| step.action).collect();
    let head = bytes(&[LONG_LINE, head].concat());
    assert_eq!(actions, [Action::Send(head), Action::Send(bytes("1234")), Action::Reset]);
}

#[test]
fn known_inputs_are_not_written_again_and_nothing_is_overwritten() {
    let recording = Recording::new();
    recording.dir.write("seeds/mine", &bytes(LONG_LINE));
    recording.dir.write("seeds/get-b", b"another");
    let client = |chunk: &str| recording.client(&[chunk]);
    let other = LONG_LINE.replace("/a", "/b");
    let during = format!("{}; {}; {}", client(LONG_LINE), client(&other), client(&other));
    recording.record("recv", &during).code(0).stdout(contains("1 input written, 2 duplicates"));
    let names = ["get-b", "get-b-2", "mine"].map(str::to_owned);
    assert_eq!(recording.seeds().into_keys().collect::<Vec<_>>(), names);
    assert_eq!(recording.seeds()["get-b"], b"another");
}

#[test]
fn the_status_of_the_command_is_told_and_what_was_sent_is_kept() {
    let recording = Recording::new();
    let during = recording.client(&[LONG_LINE]) + "; exit 3";
    recording.record("recv", &during).code(0).stdout(contains("the command ended: exit status 3"));
    assert_eq!(recording.seeds().len(), 1);
}

#[test]
fn nothing_recorded_is_a_failure() {
    let recording = Recording::new();
    recording.record("recv", "true").code(1).stderr(contains("no client has connected"));
    recording
        .record("recv", &recording.client(&["\u{16}\u{3}\u{1}"]))
        .code(1)
        .stdout(contains("skipped  1 connection: TLS"))
        .stderr(contains("no connection gave an input"));
}

#[test]
fn a_server_that_crashes_keeps_what_it_was_sent() {
    let recording = Recording::new();
    let during = recording.client(&[LONG_LINE, "GET /crash HTTP/1.1||"]) + "; sleep 600";
    recording
        .record("crash", &during)
        .code(13)
        .stderr(contains("the server ended: SIGABRT (signal 6), before the command had ended"));
    let input = recording.seeds().into_values().next().expect("an input");
    assert_eq!(input, bytes(&format!("{LONG_LINE}GET /crash HTTP/1.1||")));
}

#[test]
fn a_server_that_never_listens_is_told() {
    let recording = Recording::new();
    let mut command = recording.dir.sockfuzz();
    command.args(["record", "-o", "seeds", "--timeout", "0.5", "--", "sleep", "600"]);
    command.assert().code(15).stderr(contains("never listens"));
    let mut command = recording.dir.sockfuzz();
    command.args(["record", "-o", "seeds", "--", "false"]);
    command.assert().code(13).stderr(contains("ended before it listened: exit status 1"));
}

#[test]
fn other_ports_are_left_out() {
    let recording = Recording::new();
    let mut command = recording.dir.sockfuzz();
    let port = recording.port.to_string();
    command.args([
        "record",
        "-o",
        "seeds",
        "--port",
        &port,
        "--during",
        &recording.client(&["EHLO a|"]),
        "--",
    ]);
    command.arg(&recording.server).args([&port, "recv"]);
    command.assert().code(0);
    assert_eq!(recording.seeds().into_values().collect::<Vec<_>>(), [bytes("EHLO a|")]);
}

/// Inputs are written while the recording goes on, and Ctrl-C ends it; no process is left.
#[test]
fn an_interrupt_ends_the_recording_and_all_processes() {
    let recording = Recording::new();
    let mut sockfuzz = Command::new(env!("CARGO_BIN_EXE_sockfuzz"))
        .current_dir(recording.dir.path(""))
        .args(["record", "-o", "seeds", "--"])
        .arg(&recording.server)
        .args([&recording.port.to_string(), "prefork"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let deadline = Instant::now() + Duration::from_secs(60);
    let client = || {
        let status = Command::new(&recording.client)
            .args([&recording.port.to_string(), &LONG_LINE.replace('|', "\r\n")])
            .status();
        status.expect("starts").success()
    };
    while !client() {
        assert!(Instant::now() < deadline, "the server listens");
        thread::sleep(Duration::from_millis(20));
    }
    while !recording.dir.path("seeds/get-a").exists() {
        assert!(Instant::now() < deadline, "the input is written");
        thread::sleep(Duration::from_millis(20));
    }
    let pid = i32::try_from(sockfuzz.id()).expect("small");
    // SAFETY: kill(2) takes numbers and has no precondition.
    unsafe { libc::kill(pid, libc::SIGINT) };
    assert!(sockfuzz.wait().expect("it ends").success());
    assert!(!client(), "no worker is left");
}
