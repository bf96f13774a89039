//! Gated coverage: what runs outside iterations leaves no trace in AFL++'s map.

mod common;

use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use common::Yard;
use common::tool::Tool;
use rustix::process::{Signal, kill_process};
use sockfuzz::campaign::cargo_afl::CargoAfl;

/// Where `marks_between` leaves its marks.
const THREAD: usize = 64;
const START: usize = 65;
const REQUEST: usize = 66;

const INPUT: &[u8] = b"GET / HTTP/1.1\r\n\r\n";

/// Looks for the line of a thread that has been woken; it comes soon.
const GLANCES: u32 = 1000;

/// What a thread leaves that was at work between two inputs, once a second process has started too.
fn marks(gate: &str) -> [bool; 3] {
    let yard = Yard::new();
    let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
    let log = yard.path("log");
    let mut command = Command::new(yard.loop_target("marks_between", "cc", &[], &cargo_afl));
    command.envs([("SOCKFUZZ_GATE", gate), ("SOCKFUZZ_ITERATIONS", "2")]).env("TARGET_LOG", &log);
    let mut tool = Tool::start(command);
    // The first process runs its share, and the second one, which has been waiting, the third input.
    for _ in 0..3 {
        assert!(tool.run_and_crash(INPUT).is_none_or(|signal| signal == 0));
    }
    kill_process(tool.runner(), Signal::USR1).expect("it lives");
    let marked = (0..GLANCES).any(|_| {
        sleep(Duration::from_millis(10));
        fs::read_to_string(&log).is_ok_and(|log| log.contains("marked"))
    });
    assert!(marked, "the thread was woken");
    [THREAD, START, REQUEST].map(|place| tool.marked_at(place))
}

#[test]
fn only_iterations_leave_a_trace() {
    assert_eq!(marks("on"), [false, false, true]);
}

#[test]
fn without_a_gate_a_thread_leaves_one() {
    assert_eq!(marks("off"), [true, false, true]);
}
