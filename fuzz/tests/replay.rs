//! `sockfuzz replay`: the effect of an input on the server, in words and as an exit status.

mod common;

use std::fs;
use std::path::Path;

use assert_cmd::assert::Assert;
use common::TestDir;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;

/// Runs `sockfuzz replay` on an input, or on a directory of inputs.
fn replay(dir: &TestDir, options: &[&str], input: &Path, server: &Path) -> Assert {
    dir.sockfuzz().arg("replay").args(options).arg(input).arg("--").arg(server).assert()
}

#[test]
fn an_answered_input_is_no_failure() {
    let dir = TestDir::new();
    let server = dir.server("blocking");
    let input = dir.write("input", b"GET / HTTP/1.1\r\n\r\n");
    replay(&dir, &[], &input, &server).code(0).stdout(
        contains("GET / HTTP/1.1\\r\\n\n")
            .and(contains("HTTP/1.1 200 OK\\r\\n\n"))
            .and(contains("=> answered")),
    );
}

#[test]
fn a_crash_is_reported_with_its_backtrace() {
    let dir = TestDir::new();
    let server = dir.server("blocking");
    let input = dir.write("input", b"CRASH\r\n\r\n");
    replay(&dir, &[], &input, &server).code(4).stdout(contains("=> CRASH: SIGABRT (signal 6)").and(
        // The backtrace contains the server's own functions: by gdb, or as the process has recorded them.
        contains("in serve (").or(contains("serve at ")),
    ));
}

#[test]
fn an_exit_is_reported() {
    let dir = TestDir::new();
    let server = dir.server("blocking");
    let input = dir.write("input", b"EXIT\r\n\r\n");
    replay(&dir, &[], &input, &server)
        .code(4)
        .stdout(contains("=> the server exited: exit status 7; a campaign saves that as sig:16"));
}

/// `replay` shows the answer, and reports that the server exited, which a campaign saves as a crash.
#[test]
fn an_exit_after_the_answer_is_reported() {
    let dir = TestDir::new();
    let server = dir.target("answers_then_exits", "cc", &[]).expect("a C compiler is installed");
    let input = dir.write("input", b"GET / HTTP/1.1\r\n\r\n");
    let said = contains("HTTP/1.1 200 OK").and(contains("=> the server exited: exit status 0"));
    replay(&dir, &[], &input, &server).code(4).stdout(said);
    let counted = contains("HTTP/1.1 200 OK").and(contains("=> answered"));
    replay(&dir, &["--exits", "count"], &input, &server).code(0).stdout(counted);
}

/// One process accepts, and another one works on the request and crashes.
#[test]
fn a_crash_beside_the_accepting_process_is_a_crash() {
    let dir = TestDir::new();
    let server = dir.target("back_answers", "cc", &[]).expect("a C compiler is installed");
    for front in ["child", "parent", "sibling_awaited"] {
        for crash in ["crash", "crash_tolerated"] {
            let input = dir.write("input", format!("GET /{crash} HTTP/1.1\r\n\r\n").as_bytes());
            let mut command = dir.sockfuzz();
            command.env("TARGET_FRONT", front).arg("replay").arg(&input).arg("--").arg(&server);
            command.assert().code(4).stdout(contains("=> CRASH: SIGSEGV"));
        }
    }
}

/// As in a campaign, a crash counts whichever process crashed.
#[test]
fn a_crash_of_any_process_is_a_crash() {
    let dir = TestDir::new();
    let server = dir.target("ends_as_told", "cc", &[]).expect("a C compiler is installed");
    for ending in ["late_thread", "child", "child_not_awaited", "late_child", "grandchild", "late_grandchild"]
    {
        let input = dir.write("input", format!("GET /1/{ending} HTTP/1.1\r\n\r\n").as_bytes());
        replay(&dir, &[], &input, &server).code(4).stdout(contains("=> CRASH: SIGSEGV"));
    }
    let input = dir.write("input", b"GET /1/child_exits HTTP/1.1\r\n\r\n");
    replay(&dir, &[], &input, &server).code(0);
}

#[test]
fn an_endless_loop_is_a_hang() {
    let dir = TestDir::new();
    let server = dir.server("blocking");
    let input = dir.write("input", b"HANG\r\n\r\n");
    replay(&dir, &["--timeout", "1"], &input, &server)
        .code(4)
        .stdout(contains("=> HANG: still running after 1 s"));
}

#[test]
fn a_server_that_stops_accepting_is_a_crash() {
    let dir = TestDir::new();
    let server = dir.target("stops_accepting", "cc", &[]).expect("a C compiler is installed");
    let good = dir.write("good", b"GET / HTTP/1.1\r\n\r\n");
    replay(&dir, &[], &good, &server).code(0);
    let input = dir.write("input", b"GET /stop HTTP/1.1\r\n\r\n");
    replay(&dir, &[], &input, &server)
        .code(4)
        .stdout(contains("=> CRASH: SIGABRT").and(contains("accepts no more connections, since this input")));
}

#[test]
fn a_lock_that_is_never_released_is_a_hang() {
    let dir = TestDir::new();
    let server = dir.target("lost_lock", "cc", &[]).expect("a C compiler is installed");
    let good = dir.write("good", b"GET / HTTP/1.1\r\n\r\n");
    replay(&dir, &[], &good, &server).code(0);
    let input = dir.write("input", b"GET /stop HTTP/1.1\r\n\r\n");
    replay(&dir, &["--timeout", "2"], &input, &server)
        .code(4)
        .stdout(contains("=> HANG").and(contains("futex")));
}

/// The time limit is reached while only the ending thread is left.
#[test]
fn a_process_that_is_ending_is_given_time() {
    let dir = TestDir::new();
    let server = dir.server_with("ends_late", &["-pthread"]);
    let input = dir.write("input", b"CRASH\r\n\r\n");
    replay(&dir, &["--timeout", "1"], &input, &server).code(4).stdout(contains("=> CRASH: SIGABRT"));
}

#[test]
fn stderr_of_the_server_is_shown_with_every_verdict() {
    let dir = TestDir::new();
    let server = dir.server_with("ends_late", &["-pthread"]);
    let input = dir.write("input", b"GET / HTTP/1.1\r\n\r\n");
    replay(&dir, &[], &input, &server)
        .code(0)
        .stdout(contains("=> answered").and(contains("   | a request came\n")));
}

/// Writes the record of a campaign of this server into the directory `out`.
fn record(dir: &TestDir, server: &Path, options: &str) {
    let record = format!(
        r#"{{"version": 1, "server": [{server:?}], "directory": {:?}, "options": {{{options}}},
            "timeout_ms": 200, "program": null, "seeds": []}}"#,
        dir.path("")
    );
    dir.write("out/sockfuzz.json", record.as_bytes());
}

#[test]
fn an_output_directory_names_its_server_and_its_findings() {
    let dir = TestDir::new();
    record(&dir, &dir.server("blocking"), "");
    dir.write("out/default/crashes/README.txt", b"no input");
    dir.write("out/default/crashes.2026-11-28-21:36:49/id:000000,sig:06", b"CRASH\r\n\r\n");
    dir.write("out/s1/crashes/id:000000,sig:06", b"CRASH 1\r\n\r\n");
    dir.sockfuzz()
        .args(["replay", "out"])
        .assert()
        .code(4)
        .stdout(contains("2 of 2 inputs crashed or hung the server"));
    dir.sockfuzz().args(["replay", "out/s1/crashes/id:000000,sig:06"]).assert().code(4);
}

/// Without these options and this directory, the server exits, because it cannot write its file.
#[test]
fn the_options_and_the_directory_of_a_campaign_are_used() {
    let dir = TestDir::new();
    fs::create_dir(dir.path("logs")).expect("mkdir");
    let server = dir.server("writes_pid_file");
    record(&dir, &server, &format!(r#""writable": {:?}, "transport": "unix""#, dir.path("logs")));
    let input = dir.write("out/default/queue/id:000000", b"GET / HTTP/1.1\r\n\r\n");
    let record = fs::read_to_string(dir.path("out/sockfuzz.json")).expect("readable");
    let line = format!("[{server:?}, \"logs/pid\"]");
    dir.write("out/sockfuzz.json", record.replace(&format!("[{server:?}]"), &line).as_bytes());
    let elsewhere = tempfile::tempdir().expect("tempdir");
    dir.sockfuzz().current_dir(elsewhere.path()).arg("replay").arg(&input).assert().code(0);
    dir.sockfuzz()
        .current_dir(elsewhere.path())
        .args(["replay", "--sandbox", "off", "--writable", "/nowhere"])
        .arg(&input)
        .assert()
        .code(0);
}

#[test]
fn a_server_is_needed_outside_of_output_directories() {
    let dir = TestDir::new();
    dir.write("input", b"GET / HTTP/1.1\r\n\r\n");
    dir.sockfuzz()
        .args(["replay", "input"])
        .assert()
        .code(10)
        .stderr(contains("no server is given").and(contains("remedy: ")));
}

#[test]
fn a_finding_that_is_not_reproduced_has_an_exit_status_of_its_own() {
    let dir = TestDir::new();
    let server = dir.server("blocking");
    let hang = dir.write("hangs/id:000000", b"GET / HTTP/1.1\r\n\r\n");
    replay(&dir, &[], &hang, &server).code(7).stdout(contains("NOT REPRODUCED: it was saved as a hang"));
    let crash = dir.write("crashes/id:000000,sig:06", b"GET / HTTP/1.1\r\n\r\n");
    replay(&dir, &[], &crash, &server).code(7).stdout(
        contains("NOT REPRODUCED: it was saved as a crash").and(contains("1 finding not reproduced")),
    );
}

#[test]
fn a_directory_of_crashes_is_replayed_without_its_readme() {
    let dir = TestDir::new();
    let server = dir.server("blocking");
    dir.write("crashes/README.txt", b"CRASH");
    dir.write("crashes/id:000000,sig:06", b"CRASH\r\n\r\n");
    dir.write("crashes/id:000001,sig:06", b"GET / HTTP/1.1\r\n\r\n");
    replay(&dir, &[], Path::new("crashes"), &server)
        .code(7)
        .stdout(contains("1 of 2 inputs crashed or hung the server").and(contains("1 finding not")));
}

#[test]
fn raw_shows_the_bytes_as_they_are() {
    let dir = TestDir::new();
    let server = dir.server("blocking");
    let input = dir.write("input", b"GET / HTTP/1.1\r\n\r\n");
    replay(&dir, &["--raw"], &input, &server).code(0).stdout(contains("HTTP/1.1 200 OK\r\n"));
}

#[test]
fn truncated_output_ends_with_a_line_end() {
    let dir = TestDir::new();
    let server = dir.server("blocking");
    let input = dir.write("input", &[&b"GET / HTTP/1.1\r\n\r\n"[..], &[b'x'; 3000], b"\n"].concat());
    replay(&dir, &[], &input, &server).code(0).stdout(contains("more bytes (--raw shows all)\n-- answer"));
}

/// A capture that is imported again gives the input, and no existing file is overwritten.
#[test]
fn a_capture_has_what_client_and_server_said() {
    let dir = TestDir::new();
    let server = dir.server("blocking");
    let request = b"GET /said HTTP/1.1\r\nHost: a\r\n\r\n";
    let (input, capture, seeds) = (dir.write("input", request), dir.path("said.pcap"), dir.path("seeds"));
    let path = capture.display().to_string();
    replay(&dir, &["--pcap", &path], &input, &server).code(0);
    let bytes = fs::read(&capture).expect("the capture");
    assert!(memchr::memmem::find(&bytes, b"HTTP/1.1 200 OK").is_some());
    let import = |seeds: &Path| {
        dir.sockfuzz().args(["corpus", "import"]).arg(&capture).arg("-o").arg(seeds).assert().code(0);
        let seeds = fs::read_dir(seeds).expect("a directory").flatten().map(|seed| seed.path());
        seeds.filter(|seed| seed.is_file()).map(|seed| fs::read(seed).expect("a seed")).collect::<Vec<_>>()
    };
    assert_eq!(import(&seeds), [request.to_vec()]);

    let session = b"GET /a HTTP/1.1\r\n\r\n\xf5\x4c\xf5\x41GET /b HTTP/1.1\r\n\r\n";
    let input = dir.write("session", session);
    replay(&dir, &["--pcap", &path], &input, &server).code(1).stderr(contains("exists"));
    assert_eq!(fs::read(&capture).expect("the capture"), bytes);
    replay(&dir, &["--pcap", &path, "--force"], &input, &server).code(0);
    // Connections that follow each other are inputs of their own.
    let requests = import(&dir.path("requests")).concat();
    for request in ["GET /a HTTP/1.1", "GET /b HTTP/1.1"] {
        assert!(memchr::memmem::find(&requests, request.as_bytes()).is_some(), "{request}");
    }
}
