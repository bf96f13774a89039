//! Time that passes at the end of an iteration: a server that tidies up from time to time does it there.

mod common;

use std::process::Command;

use common::Yard;
use common::tool::Tool;
use sockfuzz::campaign::cargo_afl::CargoAfl;

/// Where `tidies_up` leaves its marks.
const NOTHING_KEPT: usize = 64;
const SOMETHING_KEPT: usize = 65;

/// For each of a few inputs, whether the server had nothing left of those before, in a transport.
fn tidy(rest: &str, transport: &str) -> Vec<bool> {
    let yard = Yard::new();
    let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
    let mut command = Command::new(yard.loop_target("tidies_up", "cc", &[], &cargo_afl));
    command.envs([("SOCKFUZZ_ADVANCE_CLOCK", rest), ("SOCKFUZZ_TRANSPORT", transport)]);
    let mut tool = Tool::start(command);
    let mut tidy = || {
        let map = tool.map_of(b"GET / HTTP/1.1\r\n\r\n");
        assert_ne!(map[NOTHING_KEPT], map[SOMETHING_KEPT], "one of the two");
        map[NOTHING_KEPT] != 0
    };
    (0..4).map(|_| tidy()).collect()
}

#[test]
fn each_input_finds_a_server_that_has_tidied_up() {
    for transport in ["unix", "memory"] {
        assert_eq!(tidy("on", transport), [true; 4], "{transport}");
    }
}

#[test]
fn normally_no_time_passes() {
    assert_eq!(tidy("off", "memory"), [true, false, false, false]);
}
