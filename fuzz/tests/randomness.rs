//! Fixed randomness: every iteration of every process draws the same random numbers. A test has the same name as its
//! target.

mod common;

use std::collections::BTreeSet;
use std::fs;

use common::TestDir;
use common::loop_target::{INPUTS, ITERATIONS, LoopTarget};
use sockfuzz::campaign::cargo_afl::CargoAfl;

/// Returns a line for each iteration with its random words, of which the first was drawn at the server's start.
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

/// With fixed randomness, every iteration of every process draws the same words. With real randomness, all differ.
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

/// With fixed randomness, every iteration begins with the same state of libc's pseudo-random generator, whether libc or
/// the server provides its memory and parameters. With real randomness, the state carries over.
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

/// With fixed randomness, every thread traverses its maps in the same order in every iteration, whether or not it has
/// created maps before. With real randomness, the order differs in all iterations.
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
            // Only warm-up iterations have other orders.
            let equal = |line| fixed.iter().filter(|&other| other == line).count();
            assert_eq!(fixed.iter().map(equal).max(), Some(INPUTS), "{variables:?}: {fixed:?}");
        }
    }
    let real: BTreeSet<String> = draws(&target, "real").into_iter().collect();
    assert_eq!(real.len(), INPUTS, "{real:?}");
}
