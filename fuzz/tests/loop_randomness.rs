//! What is random to a server in AFL++'s loop.

mod common;

use std::collections::BTreeSet;
use std::fs;

use common::loop_target::{INPUTS, ITERATIONS, LoopTarget};

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
