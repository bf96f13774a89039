//! Gated coverage: code that runs outside iterations leaves no coverage in AFL++'s map.

mod common;

use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use common::TestDir;
use common::forkserver_client::ForkserverClient;
use rustix::process::{Signal, kill_process};
use sockfuzz::campaign::cargo_afl::CargoAfl;

/// Bytes of the coverage map that `marks_between` marks.
const THREAD: usize = 64;
const START: usize = 65;
const REQUEST: usize = 66;

const INPUT: &[u8] = b"GET / HTTP/1.1\r\n\r\n";

/// Bytes of the coverage map that `marks_in_children` marks.
const MARKING_REQUEST: usize = 67;
const OTHER_REQUEST: usize = 68;

/// Maximum number of polls for the log line of a thread that has been woken.
const MAX_POLLS: u32 = 1000;

/// Returns the marks in the map after a thread has run between two inputs, and a second process has started.
fn marks(gate: &str) -> [bool; 3] {
    let dir = TestDir::new();
    let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
    let log = dir.path("log");
    let mut command = Command::new(dir.loop_target("marks_between", "cc", &[], &cargo_afl));
    command.envs([("SOCKFUZZ_GATE", gate), ("SOCKFUZZ_ITERATIONS", "2")]).env("TARGET_LOG", &log);
    let mut client = ForkserverClient::start(command);
    // The first process runs two inputs, and the second one, started in advance, runs the third.
    for _ in 0..3 {
        assert!(client.run_and_crash(INPUT).is_none_or(|signal| signal == 0));
    }
    kill_process(client.runner(), Signal::USR1).expect("it lives");
    let marked = (0..MAX_POLLS).any(|_| {
        sleep(Duration::from_millis(10));
        fs::read_to_string(&log).is_ok_and(|log| log.contains("marked"))
    });
    assert!(marked, "the thread was woken");
    [THREAD, START, REQUEST].map(|place| client.is_marked_at(place))
}

#[test]
fn only_iterations_are_counted_as_coverage() {
    assert_eq!(marks("on"), [false, false, true]);
}

#[test]
fn without_the_gate_background_threads_are_counted() {
    assert_eq!(marks("off"), [true, false, true]);
}

/// The gate does not cover the child processes that a server forks in its warm-up.
#[test]
fn children_of_the_warm_up_are_not_counted() {
    let dir = TestDir::new();
    let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
    let mut command = Command::new(dir.loop_target("marks_in_children", "cc", &[], &cargo_afl));
    // Without spares, whose warm-up may be over, and without reruns, which begin with an empty map.
    command.envs([("SOCKFUZZ_SPARE", "off"), ("SOCKFUZZ_RERUN", "off")]);
    let mut client = ForkserverClient::start_with_warm_up(command);
    assert!(client.run_and_crash(b"GET /mark HTTP/1.1\r\n\r\n").is_none_or(|signal| signal == 0));
    assert_eq!([MARKING_REQUEST, OTHER_REQUEST].map(|place| client.is_marked_at(place)), [true, false]);
}
