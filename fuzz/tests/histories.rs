//! Histories: processes that end by a finding leave all their inputs, and a replay of these ends in the same way.

mod common;

use std::fs;
use std::process::Command;

use common::forkserver_client::{ForkserverClient, Verdict};
use common::history_target::{LIMIT, Target, end, request};
use common::workspace;
use sockfuzz_protocol::fnv;

/// Exit statuses of `sockfuzz replay`.
const CRASHED: i32 = 4;

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

/// The place of a hang is what the server ran in its last iteration, although the gate is closed in the forkserver.
#[test]
fn hangs_are_told_apart_by_what_ran() {
    let target = Target::compile();
    let mut client = target.start(&[]);
    end(&mut client, &["hang", "hang"]);
    let saved = target.saved();
    let [(_, history)] = &saved[..] else { panic!("{saved:?}") };
    assert_ne!(history.finding, format!("hang,at:~{:08x}", fnv::EMPTY as u32));
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

/// A session is one input of a history.
#[test]
fn a_history_keeps_sessions() {
    let target = Target::compile();
    let options = [("SOCKFUZZ_INPUT", "session")];
    let mut client = target.start(&options);
    let first = [b"GET /fine HTTP/1.1\r\n\r\n".as_slice(), b"\xf5\x41GET /put HTTP/1.1\r\n\r\n"].concat();
    assert_eq!(client.verdict_of(&first, LIMIT), Verdict::Finished);
    assert_ne!(client.verdict_of(&request("get"), LIMIT), Verdict::Finished);
    let saved = target.saved();
    let [(file, history)] = &saved[..] else { panic!("{saved:?}") };
    assert_eq!(history.inputs, [first, request("get")]);
    let (status, output) = target.replay(file, &options);
    assert_eq!(status, Some(CRASHED), "{output}");
    assert!(!output.contains("NOT REPRODUCED"), "{output}");
}

/// The history is that of the process that accepts.
#[test]
fn a_history_of_a_worker_ends_as_it_did() {
    let mut target = Target::compile();
    target.arguments = vec!["worker"];
    for (whats, finding) in cases().into_iter().take(3) {
        let mut client = target.start(&[]);
        end(&mut client, &whats);
        let saved = target.saved();
        let [(file, history)] = &saved[..] else { panic!("{whats:?}: {saved:?}") };
        assert!(history.finding.starts_with(finding), "{whats:?}: {}", history.finding);
        let (status, output) = target.replay(file, &[]);
        assert_eq!(status, Some(CRASHED), "{whats:?}: {output}");
        assert!(!output.contains("NOT REPRODUCED"), "{whats:?}: {output}");
    }
}
