//! Loop `direct` when AFL++ kills the server at random moments: every request is answered exactly once,
//! and each answer belongs to the input of its request.
//!
//! The test takes the place of afl-fuzz: it speaks the forkserver protocol, runs one input after the other, and
//! kills the process that runs an input, as afl-fuzz does on a timeout.

mod common;

use std::process::Command;
use std::time::Duration;

use common::TestDir;
use common::forkserver_client::ForkserverClient;
use sockfuzz::campaign::cargo_afl::CargoAfl;

/// Number of processes to kill, unless the variable `KILLS` overrides it.
const KILLS: u32 = 10_000;

/// Maximum time before a kill. An iteration takes a few microseconds, so some finish in this time and some do not.
const MAX_LIFETIME: Duration = Duration::from_micros(80);

fn request(number: u32) -> Vec<u8> {
    format!("GET /{number} HTTP/1.1\r\n\r\n").into_bytes()
}

#[test]
fn kills_at_random_moments_never_desynchronise() {
    let kills = std::env::var("KILLS").map_or(KILLS, |number| number.parse().expect("a number"));
    let dir = TestDir::new();
    let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
    let mut client =
        ForkserverClient::start(Command::new(dir.loop_target("marks_coverage", "cc", &[], &cargo_afl)));
    let (mut completed, mut number) = (0, 0);
    // xorshift: the moments vary, but are the same in every run.
    let mut random = 0x9e37_79b9_u32;
    for _ in 0..kills {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        number += 1;
        let life = MAX_LIFETIME * (random % 1024) / 1024;
        if client.run(&request(number), Some(life)) {
            completed += 1;
            assert_eq!(client.marked(), number);
        }
        // The next inputs have no time limit: each must get its own answer.
        for _ in 0..random % 3 {
            number += 1;
            assert!(client.run(&request(number), None), "input {number} was not killed");
            assert_eq!(client.marked(), number);
        }
    }
    assert!((1..kills).contains(&completed), "{completed} of {kills} were over before they were killed");
}
