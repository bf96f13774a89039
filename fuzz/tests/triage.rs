//! `sockfuzz triage`: the findings of a campaign become bugs, each with a folder that another person understands.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use assert_cmd::Command as Sockfuzz;
use common::forkserver_client::Verdict;
use common::history_target::{LIMIT, Target, end, request};
use common::{fixed_port, installed};
use sockfuzz::triage::finding::{FailureKind, Finding};
use sockfuzz::util::preload;

/// Exit status of `sockfuzz triage` and `replay` for a server that fails.
const CRASHED: i32 = 4;

/// Runs `sockfuzz triage`, and returns its exit status and stdout.
fn triage(out: &Path, options: &[&str]) -> (Option<i32>, String) {
    run(Sockfuzz::cargo_bin("sockfuzz").expect("built"), out, options)
}

/// Like [`triage`], as on a machine that has no gdb, nor any other program.
fn triage_without_programs(out: &Path) -> (Option<i32>, String) {
    let mut command = Sockfuzz::cargo_bin("sockfuzz").expect("built");
    command.env("PATH", out.join("no-programs"));
    command.env("SOCKFUZZ_PRELOAD", preload::locate(None).expect("the preload"));
    run(command, out, &[])
}

fn run(mut command: Sockfuzz, out: &Path, options: &[&str]) -> (Option<i32>, String) {
    let output =
        command.arg("triage").args(["--attempts", "2"]).args(options).arg(out).output().expect("runs");
    let Output { status, stdout, stderr } = output;
    (status.code(), String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr))
}

/// Returns the folders of bugs with their records.
fn bugs(out: &Path) -> Vec<(PathBuf, Finding)> {
    Finding::of_campaign(out).expect("readable")
}

fn save_crash(out: &Path, number: u32, what: &str) {
    let name = format!("default/crashes/id:{number:06},sig:11,src:000000,time:{}", number * 1000);
    fs::write(out.join(name), request(what)).expect("write");
}

/// Triage finds the bug behind a finding, reduces its history, confirms it on the plain server, and writes scripts that
/// show it.
#[test]
fn a_history_is_reduced_confirmed_and_reproduced() {
    let _port = fixed_port();
    let target = Target::compile();
    let mut client = target.start(&[]);
    end(&mut client, &["fine", "leak", "put", "fine", "third", "count", "get"]);
    let out = target.campaign(&request("get"));
    let (status, said) = triage(&out, &["-j", "1"]);
    assert_eq!(status, Some(CRASHED), "{said}");
    let bugs = bugs(&out);
    let [(folder, bug)] = &bugs[..] else { panic!("{bugs:?} {said}") };
    assert_eq!((bug.inputs, bug.confirmation.happened, bug.kind), (2, 2, FailureKind::Crash), "{said}");
    assert!(said.contains("1 finding; 2 inputs"), "{said}");
    let read = |name: &str| fs::read(folder.join(name)).expect("readable");
    assert!(read("input-1").starts_with(b"GET/put"), "{:?}", String::from_utf8_lossy(&read("input-1")));
    assert!(read("input-2").starts_with(b"GET/get"));
    let (status, output) = target.replay(&folder.join("history"), &[]);
    assert_eq!(status, Some(CRASHED), "{output}");
    for script in ["reproduce.sh", "reproduce.py"] {
        if script.ends_with("py") && installed("python3", "python3").is_none() {
            continue;
        }
        let run = Command::new(folder.join(script)).output().expect("runs");
        assert_eq!(run.status.code(), Some(0), "{script}: {run:?}");
    }
    let description = String::from_utf8_lossy(&read("README.md")).into_owned();
    assert!(description.contains("2 of 2 attempts with the plain server"), "{description}");
    assert!(description.contains("GET/put"), "{description}");
}

/// gdb tells the place of a crash in the source, and where a hang spins.
#[test]
fn findings_with_the_same_place_are_one_bug() {
    if installed("gdb", "gdb").is_none() {
        return;
    }
    let _port = fixed_port();
    let target = Target::compile();
    let mut client = target.start(&[]);
    end(&mut client, &["fine", "third", "third", "third"]);
    end(&mut client, &["put", "fine", "get"]);
    end(&mut client, &["hang", "hang"]);
    let out = target.campaign(&request("get"));
    save_crash(&out, 3, "third");
    let (_, said) = triage(&out, &["--timeout", "1", "--reduction", "5", "-j", "3"]);
    let mut found: Vec<_> = bugs(&out).into_iter().map(|(_, bug)| bug).collect();
    found.sort_by_key(|bug| bug.location.as_ref().map(|location| location.line));
    let [hang, third, get] = &found[..] else { panic!("{found:?} {said}") };
    assert_eq!([third, get, hang].map(|bug| bug.inputs), [3, 2, 2], "{said}");
    assert!(third.title.contains("in handle (remembers.c:"), "{}", third.title);
    assert_ne!(third.location, get.location);
    assert_eq!(third.first_found_ms, Some(3000));
    assert_eq!(get.severity.as_ref().map(|severity| severity.class.as_str()), Some("DestAvNearNull"));
    assert!(hang.title.starts_with("hang in "), "{}", hang.title);
}

/// The process itself records the stack of its crash, after all inputs that this needs.
#[test]
fn crashes_have_the_same_place_without_gdb() {
    let _port = fixed_port();
    let target = Target::compile();
    let mut client = target.start(&[]);
    end(&mut client, &["fine", "third", "third", "third"]);
    end(&mut client, &["put", "fine", "get"]);
    let out = target.campaign(&request("get"));
    let (_, said) = triage_without_programs(&out);
    let places = || {
        let mut bugs: Vec<_> =
            bugs(&out).into_iter().map(|(_, bug)| (bug.key, bug.severity, bug.inputs)).collect();
        bugs.sort_by_key(|bug| bug.2);
        bugs
    };
    let found = places();
    assert_eq!(found.len(), 2, "{said}");
    for (key, severity, _) in &found {
        assert!(key.contains("/remembers.c:"), "{key} {said}");
        assert_eq!(
            severity.as_ref().map(|severity| severity.class.as_str()),
            Some("DestAvNearNull"),
            "{said}"
        );
    }
    if installed("gdb", "gdb").is_some() {
        let (_, said) = triage(&out, &["--again"]);
        assert_eq!(places(), found, "{said}");
    }
}

/// A later triage plays only new findings, and changes no folder of an earlier one but for its record.
#[test]
fn later_findings_are_added() {
    let _port = fixed_port();
    let target = Target::compile();
    let mut client = target.start(&[]);
    end(&mut client, &["put", "get"]);
    let out = target.campaign(&request("get"));
    assert_eq!(triage(&out, &[]).0, Some(CRASHED));
    let folder = bugs(&out)[0].0.clone();
    fs::write(folder.join("README.md"), "mine").expect("write");
    // afl-fuzz does this when the campaign is resumed.
    fs::rename(out.join("default/crashes"), out.join("default/crashes.2026-11-29-12:00:00")).expect("moved");
    fs::create_dir(out.join("default/crashes")).expect("mkdir");
    let (status, said) = triage(&out, &[]);
    assert_eq!(status, Some(CRASHED));
    assert!(said.contains("1 bug, 0 of them new") && said.contains("0 findings and 0 histories"), "{said}");
    // One that does not happen alone, and one with a history.
    fs::write(out.join("default/crashes/id:000002,sig:11"), b"GET /get HTTP/1.0\r\n\r\n").expect("write");
    save_crash(&out, 5, "fine");
    let mut client = target.start(&[]);
    end(&mut client, &["free", "fine"]);
    fs::rename(target.histories(), out.join("sockfuzz-histories/other")).expect("moved");
    let (_, said) = triage(&out, &[]);
    assert!(said.contains("2 bugs, 1 of them new"), "{said}");
    assert_eq!(fs::read(folder.join("README.md")).expect("kept"), b"mine");
    let lost = fs::read_to_string(out.join("findings/not-reproduced.txt")).expect("written");
    assert_eq!(lost.lines().count(), 1, "{lost}");
    let (_, said) = triage(&out, &["--again"]);
    assert!(said.contains("are now in") && said.contains("2 bugs"), "{said}");
    assert_eq!(
        fs::read(out.join("findings.1").join(folder.file_name().expect("named")).join("README.md"))
            .expect("kept"),
        b"mine"
    );
}

/// Of a place that is known, the campaign keeps no history, but which input ended a process there.
#[test]
fn a_finding_without_a_history_belongs_to_the_bug_at_its_place() {
    let _port = fixed_port();
    let target = Target::compile();
    let mut client = target.start(&[]);
    let other = b"GET /get HTTP/1.0\r\n\r\n";
    end(&mut client, &["put", "get"]);
    assert_eq!(client.verdict_of(&request("put"), LIMIT), Verdict::Finished);
    assert_ne!(client.verdict_of(other, LIMIT), Verdict::Finished);
    let out = target.campaign(&request("get"));
    fs::write(out.join("default/crashes/id:000001,sig:11"), other).expect("write");
    let (_, said) = triage(&out, &[]);
    assert!(said.contains("2 findings; 2 inputs") && !said.contains("not happen again"), "{said}");
    assert_eq!(bugs(&out)[0].1.files.len(), 2, "{said}");
}

/// A server whose accept loop has ended is confirmed by the queue of its listener.
#[test]
fn a_server_that_stops_accepting_is_a_bug() {
    let _port = fixed_port();
    let target = Target::compile_program("stops_accepting");
    let mut client = target.start(&[]);
    end(&mut client, &["fine", "stop", "fine"]);
    let out = target.campaign(&request("fine"));
    let (status, said) = triage(&out, &[]);
    assert_eq!(status, Some(CRASHED), "{said}");
    assert!(said.contains("2 of 2 on the plain server: it accepts no more connections"), "{said}");
    let bugs = bugs(&out);
    assert_eq!(bugs[0].1.kind, FailureKind::StoppedAccepting);
    if installed("python3", "python3").is_some() {
        let run = Command::new(bugs[0].0.join("reproduce.py")).output().expect("runs");
        assert_eq!(run.status.code(), Some(0), "{run:?}");
    }
}

/// Triage tells the reason for a crash that only the memory limit of the loop causes.
#[test]
fn what_happens_only_under_sockfuzz_has_its_reason() {
    let _port = fixed_port();
    let target = Target::compile();
    drop(target.start(&[]));
    let out = target.campaign(&request("large"));
    let (status, said) = triage(&out, &[]);
    if said.contains("0 bugs") {
        println!("skipped: this machine has no sandbox that limits the memory");
        return;
    }
    assert_eq!(status, Some(CRASHED), "{said}");
    assert!(
        said.contains("only under sockfuzz (0 of 2 on the plain server): it needs the memory limit"),
        "{said}"
    );
    let bugs = bugs(&out);
    assert!(!bugs[0].0.join("reproduce.sh").exists());
}

/// Without findings, there is nothing to do.
#[test]
fn a_campaign_without_findings_has_no_bugs() {
    let _port = fixed_port();
    let target = Target::compile();
    drop(target.start(&[]));
    let out = target.campaign(b"");
    fs::remove_dir_all(out.join("default/crashes")).expect("removed");
    let mut command = Sockfuzz::cargo_bin("sockfuzz").expect("built");
    command.arg("triage").arg(&out).assert().code(0).stdout(predicates::str::contains("0 bugs"));
}
