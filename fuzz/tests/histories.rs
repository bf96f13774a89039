//! Histories: processes that end by a finding leave all their inputs, and a replay of these ends in the same way.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use assert_cmd::Command as Sockfuzz;
use common::forkserver_client::{ForkserverClient, Verdict};
use common::{TestDir, bundled, installed, program_with, workspace};
use sockfuzz::campaign::cargo_afl::CargoAfl;
use sockfuzz_protocol::history::History;

/// Time limit of an input that does not hang.
const LIMIT: Duration = Duration::from_secs(10);

/// Time limit of an input that hangs.
const HANG_LIMIT: Duration = Duration::from_millis(300);

/// Exit statuses of `sockfuzz replay`.
const CRASHED: i32 = 4;

/// Server with a directory for its histories.
struct Target {
    program: PathBuf,
    arguments: Vec<&'static str>,
    dir: TestDir,
}

impl Target {
    /// The target program `remembers`.
    fn compile() -> Self {
        let dir = TestDir::new();
        let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
        let program = dir.loop_target("remembers", "cc", &[], &cargo_afl);
        Self { program, arguments: Vec::new(), dir }
    }

    /// The bundled server with planted bugs.
    fn planted(model: &'static str) -> Self {
        let program = bundled(program_with(model, true));
        Self { program, arguments: vec!["--model", model], dir: TestDir::new() }
    }

    /// Starts the target with an empty directory of histories.
    fn start(&self, options: &[(&str, &str)]) -> ForkserverClient {
        let histories = self.histories();
        let _ = fs::remove_dir_all(&histories);
        fs::create_dir(&histories).expect("mkdir");
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).envs(options.iter().copied()).env("SOCKFUZZ_HISTORIES", histories);
        ForkserverClient::start(command)
    }

    fn histories(&self) -> PathBuf {
        self.dir.path("histories")
    }

    /// Returns the saved histories, with the names of their files.
    fn saved(&self) -> Vec<(PathBuf, History)> {
        let mut files: Vec<_> = fs::read_dir(self.histories())
            .expect("readable")
            .map(|file| file.expect("readable").path())
            .collect();
        files.sort();
        let read = |path: PathBuf| {
            let history = History::decode(&fs::read(&path).expect("readable")).expect("a history");
            (path, history)
        };
        files.into_iter().map(read).collect()
    }

    /// Makes an output directory with the saved histories and one crash, and returns its path.
    fn campaign(&self, crash: &[u8]) -> PathBuf {
        let out = self.dir.path("out");
        for directory in ["default/crashes", "default/queue", "sockfuzz-histories"] {
            fs::create_dir_all(out.join(directory)).expect("mkdir");
        }
        fs::rename(self.histories(), out.join("sockfuzz-histories/default")).expect("moved");
        fs::write(out.join("sockfuzz.target"), format!("{}\n", self.program.display())).expect("write");
        fs::write(out.join("default/crashes/id:000000,sig:11"), crash).expect("write");
        out
    }

    /// Replays a file, and returns the exit status and stdout.
    fn replay(&self, file: &Path, options: &[(&str, &str)]) -> (Option<i32>, String) {
        let timeout = if file.to_string_lossy().contains("hang") { "1" } else { "20" };
        let mut command = Sockfuzz::cargo_bin("sockfuzz").expect("built");
        command
            .args(["replay", "--timeout", timeout])
            .arg(file)
            .arg("--")
            .arg(&self.program)
            .args(&self.arguments);
        let output = command.envs(options.iter().copied()).output().expect("runs");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn request(what: &str) -> Vec<u8> {
    format!("GET /{what} HTTP/1.1\r\n\r\n").into_bytes()
}

/// Requests that end the process with the last of them, and the beginning of the finding's name.
fn cases() -> [(Vec<&'static str>, &'static str); 8] {
    [
        (vec!["third", "fine", "third", "third"], "sig:11,at:remembers+"),
        (vec!["put", "fine", "get"], "sig:11,at:remembers+"),
        (vec!["fine", "late"], "sig:11,at:remembers+"),
        (vec!["free", "fine"], "sig:06,at:remembers+"),
        (vec!["leak"; 9], "sig:06,at:remembers+"),
        (vec!["count"; 256], "sig:06,at:remembers+"),
        (vec!["exit", "fine", "exit"], "exit:3"),
        (vec!["hang", "hang"], "hang,at:~"),
    ]
}

/// Runs the requests of a case up to the end of the process.
fn end(client: &mut ForkserverClient, whats: &[&str]) {
    let (last, before) = whats.split_last().expect("not empty");
    for what in before {
        assert_eq!(client.verdict_of(&request(what), LIMIT), Verdict::Finished, "{whats:?}");
    }
    let limit = if *last == "hang" { HANG_LIMIT } else { LIMIT };
    assert_ne!(client.verdict_of(&request(last), limit), Verdict::Finished, "{whats:?}");
}

/// In both loops and over each transport, with and without a spare.
#[test]
fn a_history_ends_as_its_process_did() {
    let target = Target::compile();
    let ways = [
        [("SOCKFUZZ_LOOP", "direct"), ("SOCKFUZZ_TRANSPORT", "memory"), ("SOCKFUZZ_SPARE", "on")],
        [("SOCKFUZZ_LOOP", "direct"), ("SOCKFUZZ_TRANSPORT", "unix"), ("SOCKFUZZ_SPARE", "off")],
        [("SOCKFUZZ_LOOP", "afl"), ("SOCKFUZZ_TRANSPORT", "tcp"), ("SOCKFUZZ_SPARE", "on")],
    ];
    for options in ways {
        for (whats, finding) in cases() {
            let mut client = target.start(&options);
            end(&mut client, &whats);
            let saved = target.saved();
            let [(file, history)] = &saved[..] else { panic!("{options:?} {whats:?}: {saved:?}") };
            assert!(history.finding.starts_with(finding), "{options:?} {whats:?}: {}", history.finding);
            let expected: Vec<_> = whats.iter().map(|what| request(what)).collect();
            assert_eq!((history.left_out, &history.inputs), (0, &expected), "{options:?}");
            let (status, output) = target.replay(file, &options);
            assert_eq!(status, Some(CRASHED), "{options:?} {whats:?}: {output}");
            assert!(!output.contains("NOT REPRODUCED"), "{options:?} {whats:?}: {output}");
        }
    }
}

/// The same place is saved once, and a new place also after many others.
#[test]
fn each_place_is_saved_once() {
    let target = Target::compile();
    let mut client = target.start(&[]);
    for _ in 0..3 {
        for (whats, _) in &cases()[..2] {
            end(&mut client, whats);
        }
    }
    let saved = target.saved();
    assert_eq!(saved.len(), 2, "{saved:?}");
    assert_ne!(saved[0].1.finding, saved[1].1.finding);
    end(&mut client, &["exit", "exit"]);
    assert_eq!(target.saved().len(), 3);
}

/// A process that had more inputs than fit says how many are missing.
#[test]
fn a_history_that_lost_its_beginning_says_so() {
    let target = Target::compile();
    let mut client = target.start(&[]);
    let mut long = request("third");
    long.resize(900_000, b'a');
    for _ in 0..6 {
        let first = [request("fine"), vec![b'a'; 900_000]].concat();
        assert_eq!(client.verdict_of(&first, LIMIT), Verdict::Finished);
    }
    end(&mut client, &["third", "third", "third"]);
    let saved = target.saved();
    let [(file, history)] = &saved[..] else { panic!("{}", saved.len()) };
    assert_eq!((history.left_out, history.inputs.len()), (2, 7));
    let (status, output) = target.replay(file, &[]);
    assert_eq!(status, Some(CRASHED), "{output}");
    assert!(output.contains("2 earlier inputs had to make room"), "{output}");
}

/// In the sandbox, too, where neither the server nor the forkserver can write to the directory.
#[test]
fn histories_are_saved_from_the_sandbox() {
    let target = Target::compile();
    let mut client = target.start(&[("SOCKFUZZ_SANDBOX", "auto")]);
    end(&mut client, &["third", "third", "third"]);
    assert_eq!(target.saved().len(), 1);
}

/// A directory that does not exist is named, and the server runs without histories.
#[test]
fn a_missing_directory_is_no_reason_not_to_fuzz() {
    let target = Target::compile();
    let mut command = Command::new(&target.program);
    command.env("SOCKFUZZ_HISTORIES", "/no/such/directory");
    let mut client = ForkserverClient::start(command);
    assert_eq!(client.verdict_of(&request("fine"), LIMIT), Verdict::Finished);
}

/// A finding that does not happen alone is replayed with the history of its process.
#[test]
fn a_finding_is_replayed_with_its_history() {
    let target = Target::compile();
    let mut client = target.start(&[]);
    end(&mut client, &["third", "fine", "third", "third"]);
    let out = target.campaign(&request("third"));
    let (status, output) = target.replay(&out, &[]);
    assert_eq!(status, Some(CRASHED), "{output}");
    assert!(
        output.contains("does not happen alone") && output.contains("4 inputs of one process"),
        "{output}"
    );
}

/// Number of replays of a planted bug.
const REPLAYS: usize = 3;

/// Asserts that each planted bug that needs a history is found, saved, and replayed from its file.
fn planted_bugs_replay_from_their_histories(model: &'static str) {
    let target = Target::planted(model);
    let read =
        |name: &str| fs::read(workspace().path("harness/planted/histories").join(name)).expect("readable");
    let bugs = [
        vec![read("15-lock.http"); 3],
        vec![read("16-location.http"), read("18-next.http"), read("16-reader.http")],
        vec![read("18-next.http"), read("17-timeout.http")],
        vec![read("18-digest.http"), read("18-next.http")],
        vec![read("19-sender.http"); 33],
        vec![read("20-charset.http"); 32],
    ];
    for (inputs, number) in bugs.iter().zip(15..) {
        let mut client = target.start(&[]);
        let (last, before) = inputs.split_last().expect("not empty");
        for input in before {
            assert_eq!(client.verdict_of(input, LIMIT), Verdict::Finished, "bug {number} in {model}");
        }
        let verdict = client.verdict_of(last, LIMIT);
        assert!(matches!(verdict, Verdict::Signalled(6 | 11)), "bug {number} in {model}: {verdict:?}");
        let saved = target.saved();
        let [(file, history)] = &saved[..] else { panic!("bug {number} in {model}: {saved:?}") };
        assert_eq!(&history.inputs, inputs, "bug {number} in {model}");
        for _ in 0..REPLAYS {
            let (status, output) = target.replay(file, &[]);
            assert_eq!(status, Some(CRASHED), "bug {number} in {model}: {output}");
        }
    }
}

#[test]
fn planted_bugs_replay_in_one_thread() {
    planted_bugs_replay_from_their_histories("epoll");
}

#[test]
fn planted_bugs_replay_in_a_pool() {
    planted_bugs_replay_from_their_histories("pool");
}

#[test]
fn planted_bugs_replay_in_tokio() {
    planted_bugs_replay_from_their_histories("tokio");
}

/// Triage finds the bug behind a finding, reduces its history, confirms it on the plain server, and writes a script that
/// shows it.
#[test]
fn triage_reduces_and_confirms_a_history() {
    let target = Target::compile();
    let mut client = target.start(&[]);
    end(&mut client, &["fine", "leak", "put", "fine", "third", "count", "get"]);
    let out = target.campaign(&request("get"));
    let mut command = Sockfuzz::cargo_bin("sockfuzz").expect("built");
    let output = command.arg("triage").args(["--attempts", "2"]).arg(&out).output().expect("runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(CRASHED), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("2 inputs (of 7); 2 of 2 on the plain server: SIGSEGV"), "{said}");
    let folders: Vec<_> = fs::read_dir(out.join("findings")).expect("readable").flatten().collect();
    let [folder] = &folders[..] else { panic!("{folders:?}") };
    let read = |name: &str| fs::read(folder.path().join(name)).expect("readable");
    assert_eq!([read("input-1"), read("input-2")], [request("put"), request("get")]);
    let again =
        Sockfuzz::cargo_bin("sockfuzz").expect("built").arg("triage").arg(&out).output().expect("runs");
    assert_eq!(again.status.code(), Some(CRASHED));
    assert!(out.join("findings.1").is_dir(), "the earlier results are kept");
    let (status, output) = target.replay(&folder.path().join("history"), &[]);
    assert_eq!(status, Some(CRASHED), "{output}");
    if installed("python3", "python3").is_none() {
        return;
    }
    let script = Command::new("python3").arg(folder.path().join("reproduce.py")).output().expect("runs");
    let said = String::from_utf8_lossy(&script.stdout);
    assert!(said.contains("the server was ended by signal 11"), "{said}{script:?}");
}

/// Without findings, there is nothing to do.
#[test]
fn triage_of_a_campaign_without_findings() {
    let target = Target::compile();
    drop(target.start(&[]));
    let out = target.campaign(b"");
    fs::remove_dir_all(out.join("default/crashes")).expect("removed");
    let mut command = Sockfuzz::cargo_bin("sockfuzz").expect("built");
    command.arg("triage").arg(&out).assert().code(0).stdout(predicates::str::contains("0 bugs"));
}
