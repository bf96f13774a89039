//! Advancing of the clock at the end of an iteration, where a server with a periodic clean-up then runs it.

mod common;

use std::process::Command;

use common::TestDir;
use common::forkserver_client::ForkserverClient;
use sockfuzz::campaign::cargo_afl::CargoAfl;

/// Bytes of the coverage map that `tidies_up` marks.
const NOTHING_KEPT: usize = 64;
const SOMETHING_KEPT: usize = 65;

/// Returns, for each of four inputs over a transport, whether the server kept nothing of earlier inputs.
fn tidy(advance_clock: &str, transport: &str) -> Vec<bool> {
    let dir = TestDir::new();
    let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
    let mut command = Command::new(dir.loop_target("tidies_up", "cc", &[], &cargo_afl));
    command.envs([("SOCKFUZZ_ADVANCE_CLOCK", advance_clock), ("SOCKFUZZ_TRANSPORT", transport)]);
    let mut client = ForkserverClient::start(command);
    let mut tidy = || {
        let map = client.map_of(b"GET / HTTP/1.1\r\n\r\n");
        assert_ne!(map[NOTHING_KEPT], map[SOMETHING_KEPT], "one of the two");
        map[NOTHING_KEPT] != 0
    };
    (0..4).map(|_| tidy()).collect()
}

#[test]
fn advancing_the_clock_empties_caches_between_inputs() {
    for transport in ["unix", "memory"] {
        assert_eq!(tidy("on", transport), [true; 4], "{transport}");
    }
}

#[test]
fn by_default_caches_are_kept_between_inputs() {
    assert_eq!(tidy("off", "memory"), [true, false, false, false]);
}
