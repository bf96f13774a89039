//! Repeatability: with the virtual clock and fixed randomness, every repetition of an input leaves the same
//! coverage map, including its hit counts.

mod common;

use std::collections::HashMap;
use std::process::Command;

use common::forkserver_client::ForkserverClient;
use common::{TestDir, bundled, program_with, real_server, workspace};
use sockfuzz::campaign::cargo_afl::CargoAfl;
use sockfuzz::input::corpus::{self, Seed};
use sockfuzz::util::affinity::PinnedThread;

const REPEATS: usize = 100;

/// Tolerated number of differing runs per thousand, for servers with several threads. The preload runs an input again
/// when the kernel has preempted a busy thread, but on a busy machine that may happen three times in a row.
const RACES: usize = 1;

/// Runs all seeds in turn, so that each repetition follows a different input. `tolerated` is the number of runs
/// per thousand that may differ.
fn repetitions_have_equal_coverage_maps(
    name: &str,
    tolerated: usize,
    suits: fn(&Seed) -> bool,
    server: impl Fn() -> Command,
) {
    let mut seeds = corpus::read(&workspace().path("corpus/http1")).expect("seeds");
    seeds.retain(suits);
    // Pinned, like afl-fuzz: if two threads run at the same time, chance decides which of them gets a lock.
    let _pinned = PinnedThread::to_one_core().expect("a core");
    for transport in ["unix", "memory"] {
        let mut command = server();
        command.env("SOCKFUZZ_TRANSPORT", transport).env("SOCKFUZZ_ITERATIONS", "1000000");
        let mut client = ForkserverClient::start_with_warm_up(command);
        // After this first pass, the server keeps any state that the seeds leave behind.
        seeds.iter().for_each(|seed| drop(client.map_of(&seed.bytes)));
        let mut ways = vec![HashMap::<Vec<u8>, usize>::new(); seeds.len()];
        for _ in 0..REPEATS {
            for (seed, ways) in seeds.iter().zip(&mut ways) {
                *ways.entry(client.map_of(&seed.bytes)).or_default() += 1;
            }
        }
        let usual = |ways: &HashMap<_, usize>| ways.values().copied().max().unwrap_or(0);
        let others = |ways| REPEATS - usual(ways);
        let unstable: Vec<_> = seeds.iter().zip(&ways).filter(|(_, ways)| others(ways) > 0).collect();
        let different: usize = unstable.iter().map(|(_, ways)| others(ways)).sum();
        let names: Vec<_> = unstable.iter().map(|(seed, ways)| (&seed.name, others(ways))).collect();
        println!("{name}, {transport}: {different} of {} runs differ", REPEATS * seeds.len());
        assert!(different * 1000 <= tolerated * REPEATS * seeds.len(), "{name}, {transport}: {names:?}");
    }
}

fn model(name: &str, tolerated: usize) {
    let server = || {
        let mut command = Command::new(bundled(program_with(name, false)));
        command.args(["--model", name, "--listen", "127.0.0.1:8080"]);
        command
    };
    repetitions_have_equal_coverage_maps(name, tolerated, |_| true, server);
}

fn real(name: &str, variables: &[(&str, &str)], suits: fn(&Seed) -> bool) {
    let Some(home) = real_server(name) else { return };
    let server = || {
        let mut command = home.server.command();
        command.envs(variables.iter().copied());
        command
    };
    repetitions_have_equal_coverage_maps(name, 0, suits, server);
}

#[test]
fn epoll() {
    model("epoll", 0);
}

#[test]
fn poll() {
    model("poll", 0);
}

#[test]
fn accept_threads() {
    model("accept-threads", RACES);
}

#[test]
fn thread_per_connection() {
    model("thread-per-connection", RACES);
}

#[test]
fn pool() {
    model("pool", RACES);
}

/// When its workers are disturbed, they redistribute the events that each waits for, and keep this for a while.
#[test]
#[ignore = "needs an otherwise idle core"]
fn tokio() {
    model("tokio", RACES);
}

#[test]
fn nginx() {
    // nginx takes growing numbers as boundaries between ranges and as names of uploaded files.
    let takes_no_number = |seed: &Seed| !["put-", "range-"].iter().any(|kind| seed.name.starts_with(kind));
    real("nginx", &[], takes_no_number);
}

#[test]
fn lighttpd() {
    // lighttpd's stat cache is a splay tree shaped by earlier requests; advancing the clock empties it.
    real("lighttpd", &[("SOCKFUZZ_ADVANCE_CLOCK", "on")], |_| true);
}

/// Coverage that a server reaches only because of earlier inputs is not reported to AFL++, neither the first time
/// nor later.
#[test]
fn coverage_caused_by_earlier_inputs_is_not_reported() {
    let (grown, asked) = (64, 65);
    let dir = TestDir::new();
    let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
    let marks = |rerun| {
        let mut command = Command::new(dir.loop_target("grows", "cc", &[], &cargo_afl));
        command.envs([("SOCKFUZZ_WARM_UP", "off"), ("SOCKFUZZ_RERUN", rerun)]);
        let mut client = ForkserverClient::start_with_warm_up(command);
        [b"a".as_slice(), b"aa", b"aaa", b"aa", b"aaaa"].map(|input| {
            let map = client.map_of(input);
            assert_ne!(map[asked], 0);
            map[grown] != 0
        })
    };
    assert_eq!(marks("on"), [false; 5]);
    assert_eq!(marks("off"), [true, true, true, false, true]);
}
