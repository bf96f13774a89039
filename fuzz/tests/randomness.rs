//! Fixed randomness: every iteration of every process is the same by chance's part in it. A test has the name of its
//! target.

mod common;

use std::collections::BTreeSet;
use std::fs;

use common::TestDir;
use common::loop_target::{INPUTS, ITERATIONS, LoopTarget};
use sockfuzz::campaign::cargo_afl::CargoAfl;

/// What each iteration drew: one line each, the first word at the server's start.
fn draws(target: &LoopTarget, randomness: &str) -> Vec<String> {
    let lines = draws_with(target, randomness, &[]);
    assert_eq!(lines.len(), INPUTS);
    lines
}

fn draws_with(target: &LoopTarget, randomness: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let log = target.dir.path("unix.log");
    let _ = fs::remove_file(log);
    let variables = [&[("SOCKFUZZ_RANDOMNESS", randomness)], variables].concat();
    let (output, log) = target.run("unix", &variables);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    log.lines().map(str::to_owned).collect()
}

/// Fixed, every iteration of every process draws the same; real, no two draws are alike.
#[test]
fn random_bytes() {
    let target = LoopTarget::compile("random_bytes");
    for number in 0..INPUTS {
        target.dir.write(&format!("in/{number}"), b"GET / HTTP/1.1\r\n\r\n");
    }
    let fixed = draws(&target, "fixed");
    assert!(fixed.iter().all(|line| line == &fixed[0]), "{fixed:?}");
    let words: BTreeSet<&str> = fixed[0].split_whitespace().collect();
    assert_eq!(words.len(), 5, "one stream, not one value: {words:?}");
    let real = draws(&target, "real");
    let words: BTreeSet<&str> = real.iter().flat_map(|line| line.split_whitespace().skip(1)).collect();
    assert_eq!(words.len(), 4 * INPUTS);
}

/// Fixed, every iteration of every process begins with the same state of libc's pseudo-random numbers, whether the
/// memory or the parameters of it are libc's or the server's; real, the state goes on.
#[test]
fn pseudo_random() {
    let target = LoopTarget::compile("pseudo_random");
    for number in 0..INPUTS {
        target.dir.write(&format!("in/{number}"), b"GET / HTTP/1.1\r\n\r\n");
    }
    let variables = [("SOCKFUZZ_WARM_UP", "on"), ("TARGET_OWN_STATE", "1"), ("TARGET_PARAMETERS", "1")];
    for count in 0..=variables.len() {
        let fixed = draws_with(&target, "fixed", &variables[..count]);
        let counted = fixed.iter().filter(|&line| line == fixed.last().expect("a line"));
        assert_eq!(counted.count(), INPUTS, "{fixed:?}");
    }
    let real: BTreeSet<String> = draws(&target, "real").into_iter().collect();
    assert!(real.len() >= ITERATIONS.parse().expect("a number"), "{real:?}");
}

/// Fixed, every thread walks its maps in the same order in every iteration, whether it had made some before or not;
/// real, in no two.
#[test]
fn hash_order() {
    let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
    let dir = TestDir::new();
    let runtime = format!("link-arg={}", common::runtime(&cargo_afl).display());
    let program = dir.rust_target("hash_order", &["-C", &runtime, "-C", "link-args=-ldl -lrt -lm"]);
    let target = LoopTarget { dir, program, cargo_afl };
    for number in 0..INPUTS {
        target.dir.write(&format!("in/{number}"), b"GET / HTTP/1.1\r\n\r\n");
    }
    let variables = [("TARGET_THREADS", "1"), ("TARGET_EARLY", "1"), ("SOCKFUZZ_WARM_UP", "on")];
    for r#loop in ["direct", "afl"] {
        for count in 0..=variables.len() {
            let variables = [&variables[..count], &[("SOCKFUZZ_LOOP", r#loop)]].concat();
            let fixed = draws_with(&target, "fixed", &variables);
            // Other orders are those of the warm-ups.
            let equal = |line| fixed.iter().filter(|&other| other == line).count();
            assert_eq!(fixed.iter().map(equal).max(), Some(INPUTS), "{variables:?}: {fixed:?}");
        }
    }
    let real: BTreeSet<String> = draws(&target, "real").into_iter().collect();
    assert_eq!(real.len(), INPUTS, "{real:?}");
}
