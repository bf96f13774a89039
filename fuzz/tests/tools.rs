//! Other tools of AFL++ on a server, in loop `direct`. They pass inputs in different ways.

mod common;

use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use common::{TestDir, installed, workspace};
use sockfuzz::campaign::cargo_afl::CargoAfl;

/// Target whose coverage depends only on the number in the request.
const TARGET: &str = "marks_coverage";

fn request(number: u32, padding: &str) -> Vec<u8> {
    format!("GET /{number} HTTP/1.1\r\nHost: {padding}\r\n\r\n").into_bytes()
}

/// Runs `cargo afl TOOL ARGUMENTS -- target`.
fn run(dir: &TestDir, tool: &str, arguments: &[&str]) -> Output {
    run_with(dir, tool, arguments, &[])
}

fn run_with(dir: &TestDir, tool: &str, arguments: &[&str], variables: &[(&str, &Path)]) -> Output {
    let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
    let target = dir.loop_target(TARGET, "cc", &[], &cargo_afl);
    let output = cargo_afl
        .command()
        .arg(tool)
        .args(["-t", "10000"])
        .args(arguments)
        .arg("--")
        .arg(target)
        .env("AFL_PRELOAD", sockfuzz::util::preload::locate(None).expect("the preload"))
        .env("SOCKFUZZ_LOOP", "direct")
        .env("SOCKFUZZ_WARM_UP", "off")
        .envs(variables.iter().copied())
        .env("AFL_TMPDIR", dir.path(""))
        .current_dir(dir.path(""))
        .output()
        .expect("the tool starts");
    assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stdout));
    output
}

#[test]
fn tmin_keeps_bytes_that_affect_coverage() {
    let dir = TestDir::new();
    dir.write("large", &request(7, &"a".repeat(300)));
    run(&dir, "tmin", &["-i", "large", "-o", "small"]);
    let small = fs::read_to_string(dir.path("small")).expect("written");
    assert!(small.len() < 20, "{small:?}");
    assert_eq!(small.get(5..6), Some("7"), "{small:?}");
}

/// afl-tmin delegates trimming to a custom mutator. Ours trims single bytes in that case.
#[test]
fn tmin_works_with_the_mutator_loaded() {
    let dir = TestDir::new();
    dir.write("large", &request(7, &"a".repeat(300)));
    let library = sockfuzz::campaign::mutator::locate().expect("the mutator");
    run_with(&dir, "tmin", &["-i", "large", "-o", "small"], &[("AFL_CUSTOM_MUTATOR_LIBRARY", &library)]);
    let small = fs::read_to_string(dir.path("small")).expect("written");
    assert!(small.len() < 20, "{small:?}");
    assert_eq!(small.get(5..6), Some("7"), "{small:?}");
}

#[test]
fn cmin_keeps_one_input_per_coverage() {
    // AFL++'s cmin is a Python script.
    if installed("python3", "python3").is_none() {
        return;
    }
    let dir = TestDir::new();
    for (name, number, padding) in [("a", 1, ""), ("b", 1, "more"), ("c", 2, ""), ("d", 2, "more")] {
        dir.write(&format!("in/{name}"), &request(number, padding));
    }
    run(&dir, "cmin", &["-i", "in", "-o", "few"]);
    assert_eq!(fs::read_dir(dir.path("few")).expect("written").count(), 2);
}

/// afl-analyze does not use shared memory for inputs, and passes them on stdin.
#[test]
fn analyze_finds_bytes_that_affect_coverage() {
    let dir = TestDir::new();
    dir.write("input", &request(7, ""));
    let output = run(&dir, "analyze", &["-i", "input"]);
    let text = String::from_utf8_lossy(&output.stderr);
    let share = text.split("Interesting bits: ").nth(1).and_then(|rest| rest.split('%').next());
    let share: f64 =
        share.and_then(|share| share.parse().ok()).unwrap_or_else(|| panic!("no percentage in:\n{text}"));
    assert!((1.0..50.0).contains(&share), "{share} % of the bytes matter");
}

/// The board for Grafana reads figures that afl-fuzz sends by StatsD.
#[test]
fn the_board_for_grafana_reads_what_afl_fuzz_sends() {
    let dir = TestDir::new();
    dir.write("seeds/one", &request(7, ""));
    let receiver = UdpSocket::bind("127.0.0.1:0").expect("bound");
    receiver.set_read_timeout(Some(Duration::from_millis(100))).expect("set");
    let port = receiver.local_addr().expect("bound").port().to_string();
    let statsd = [
        ("AFL_STATSD", Path::new("1")),
        ("AFL_STATSD_TAGS_FLAVOR", Path::new("dogstatsd")),
        ("AFL_STATSD_PORT", Path::new(&port)),
        ("AFL_SKIP_CPUFREQ", Path::new("1")),
        ("AFL_NO_AFFINITY", Path::new("1")),
    ];
    run_with(&dir, "fuzz", &["-i", "seeds", "-o", "out", "-E", "2000"], &statsd);
    let mut sent = String::new();
    let mut packet = [0; 4096];
    while let Ok(length) = receiver.recv(&mut packet) {
        sent += &String::from_utf8_lossy(&packet[..length]);
    }
    let board = fs::read_to_string(workspace().path("harness/grafana/campaign.json")).expect("readable");
    let board: serde_json::Value = serde_json::from_str(&board).expect("JSON");
    let targets = board["panels"].as_array().expect("panels").iter().flat_map(|panel| {
        panel["targets"].as_array().expect("targets").iter().filter_map(|target| target["expr"].as_str())
    });
    for expression in targets {
        let name = expression.split('{').next().expect("a name").replacen("fuzzing_", "fuzzing.", 1);
        assert!(sent.contains(&format!("{name}:")), "{name} in {sent}");
    }
}
