//! `sockfuzz fuzz --until`: campaigns that end by a condition, and what their exit status tells.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{TestDir, bundled, fixed_port, program_with, stat, workspace};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use sockfuzz::campaign::cargo_afl::CargoAfl;

/// Exit status of a campaign that has found something new.
const FOUND: i32 = 4;

/// Returns `sockfuzz fuzz` for a server in the directory `out`, without the check of the seeds.
fn fuzz(dir: &TestDir, server: &Path, options: &[&str]) -> assert_cmd::Command {
    let mut command = dir.sockfuzz();
    command.args(["fuzz", "--no-check", "-t", "2000", "-i", "corpus", "--afl", "-s 1 -c -"]);
    command.args(options).arg("--").arg(server);
    command
}

/// Compiles the server that crashes at `CRASH`, with lines before its source; `None` if the test has to be skipped.
fn server(dir: &TestDir, lines_before: &str) -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/blocking.c");
    let source = fs::read_to_string(source).expect("readable");
    let copy = dir.write("blocking.c", (lines_before.to_owned() + &source).as_bytes());
    dir.instrumented(&copy, &CargoAfl::find_or_install().expect("cargo-afl"))
}

/// Writes a seed from which the crash is a few executions away, and the word that is missing in it.
fn almost_crashing_seed(dir: &TestDir) {
    dir.write("corpus/almost", b"CRUSH\r\n\r\n");
    dir.write("words.dict", b"word=\"CRASH\"\n");
}

const WORDS: [&str; 4] = ["--mutator", "none", "-x", "words.dict"];

#[test]
fn instances_stop_together_after_a_time_that_counts_from_each_start() {
    let dir = TestDir::new();
    dir.corpus();
    let server = bundled("sockfuzz-server");
    for words in ["-M main", "resuming"] {
        fuzz(&dir, &server, &["-j", "2", "--until", "2s"])
            .assert()
            .code(0)
            .stderr(contains("the campaign stops after 2s").and(contains("stopped: 2s have passed")))
            .stderr(contains(words).and(contains("0 new bugs")));
    }
    for instance in ["main", "s1"] {
        assert!(stat(&dir.path("out"), instance, "execs_done") > 0.0);
    }
}

#[test]
fn a_campaign_stops_when_it_finds_no_new_coverage() {
    let dir = TestDir::new();
    let Some(server) = server(&dir, "") else { return };
    dir.corpus();
    fuzz(&dir, &server, &["--mutator", "none", "--until", "4min,stale:3s", "--no-triage"])
        .assert()
        .code(0)
        .stderr(contains("stopped: no new coverage for 3s").and(contains("0 new bugs")));
}

#[test]
fn an_uninstrumented_server_is_fuzzed_until_a_time() {
    let dir = TestDir::new();
    let server = dir.server("blocking");
    dir.corpus();
    fuzz(&dir, &server, &["--uninstrumented", "--mutator", "none", "--no-triage", "--until", "2s"])
        .assert()
        .stderr(contains("stopped: 2s have passed"));
}

/// A new bug fails a run, and is known in the next ones, also when the server was changed in between.
#[test]
fn a_bug_fails_the_run_that_finds_it() {
    let _port = fixed_port();
    let dir = TestDir::new();
    let Some(program) = server(&dir, "") else { return };
    almost_crashing_seed(&dir);
    let junit = |options: &[&str], code| {
        let options = [&WORDS[..], &["--junit", "junit.xml", "--sarif", "findings.sarif"], options].concat();
        fuzz(&dir, &program, &options).assert().code(code).stderr(contains("bug"));
        fs::read_to_string(dir.path("junit.xml")).expect("written")
    };
    let xml = junit(&["--until", "2min,crash"], FOUND);
    assert!(xml.contains("failures=\"1\"") && xml.contains("SIGABRT"), "{xml}");
    let crashes = || fs::read_dir(dir.path("out/default/crashes")).map_or(0, Iterator::count);
    assert!(crashes() > 0);

    let xml = junit(&["--until", "5s,crash"], 0);
    assert!(xml.contains("skipped=\"1\" failures=\"0\"") && xml.contains("known before this run"), "{xml}");

    let padding =
        "\n".repeat(40) + "__attribute__((used)) static int padding(int a) { return a * 7 + a / 3; }\n";
    server(&dir, &padding);
    let xml = junit(&["--until", "5s,crash"], 0);
    assert!(xml.contains("skipped=\"1\" failures=\"0\""), "{xml}");
    assert!(fs::read_to_string(dir.path("findings.sarif")).expect("written").contains("\"unchanged\""));
}

#[test]
fn findings_that_are_not_triaged_count_only_with_a_condition() {
    let dir = TestDir::new();
    let Some(program) = server(&dir, "") else { return };
    almost_crashing_seed(&dir);
    let run =
        |options: &[&str]| fuzz(&dir, &program, &[&WORDS[..], &["--no-triage"], options].concat()).assert();
    run(&["--until", "2min,crash", "--junit", "junit.xml"])
        .code(FOUND)
        .stderr(contains("stopped: a new finding: ").and(contains("not triaged: SIGABRT")));
    let xml = fs::read_to_string(dir.path("junit.xml")).expect("written");
    assert!(xml.contains("<failure") && xml.contains("default/crashes/id:000000"), "{xml}");
    dir.sockfuzz()
        .args(["fuzz", "--no-check", "--no-triage", "--mutator", "none", "-i", "corpus", "-o", "plain"])
        .args(["-x", "words.dict", "--afl", "-s 1 -c - -E 20000", "--"])
        .arg(&program)
        .assert()
        .code(0);
}

#[test]
fn a_planted_bug_stops_two_instances() {
    let dir = TestDir::new();
    dir.corpus();
    let planted = bundled(program_with("epoll", true));
    fuzz(&dir, &planted, &["-j", "2", "--no-triage", "--until", "4min", "--until", "finding"])
        .assert()
        .code(FOUND)
        .stderr(contains("stopped: a new finding: "));
}

#[test]
fn a_condition_that_is_no_condition_is_refused() {
    for (condition, words) in [
        ("600", "600s or 600min"),
        ("10 parsecs", "90s, 10min or 1h30m"),
        ("0s", "longer than 0"),
        ("stale", "stale:10min"),
        ("stale:5", "5s or 5min"),
        ("10min,crashes", "a time (90s, 10min, 2h), stale:TIME, crash or finding"),
    ] {
        TestDir::new()
            .sockfuzz()
            .args(["fuzz", "--until", condition])
            .assert()
            .code(2)
            .stderr(contains("--until").and(contains(words)));
    }
}

/// The commands in the examples for CI systems have no option that does not exist.
#[test]
fn the_examples_for_ci_systems_use_existing_options() {
    let help = TestDir::new().sockfuzz().args(["fuzz", "--help"]).output().expect("runs").stdout;
    let help = String::from_utf8(help).expect("UTF-8");
    for file in ["github.yml", "gitlab.yml", "README.md"] {
        let text = fs::read_to_string(workspace().path("harness/ci").join(file)).expect("readable");
        let commands: Vec<_> = text.split("sockfuzz fuzz ").skip(1).collect();
        assert!(!commands.is_empty(), "{file}");
        for command in commands {
            let (options, _) = command.split_once(" -- ").expect("a server");
            for option in options.split_whitespace().filter(|word| word.starts_with("--")) {
                assert!(help.contains(&format!("{option} <")), "{file}: {option}");
            }
        }
    }
}

#[test]
fn a_report_that_cannot_be_written_is_refused_before_the_campaign() {
    let dir = TestDir::new();
    dir.write("mine.xml", b"<mine/>");
    for (file, words) in [("mine.xml", "is no report of sockfuzz"), ("nowhere/junit.xml", "is no directory")]
    {
        dir.sockfuzz()
            .args(["fuzz", "--until", "2s", "--junit", file])
            .assert()
            .code(1)
            .stderr(contains(words).and(contains("remedy: ")));
    }
    assert_eq!(fs::read(dir.path("mine.xml")).expect("there"), b"<mine/>");
}
