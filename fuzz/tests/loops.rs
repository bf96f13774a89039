//! The preload's target programs in AFL++'s loop: every input reaches the server exactly once,
//! whatever calls it makes, over one process after the other. A test has the name of its target.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::process::Output;

use common::Yard;
use sockfuzz::afl::cargo_afl::CargoAfl;

const INPUTS: usize = 50;
/// Not a divisor of [`INPUTS`], so that the last process does not end with its share.
const ITERATIONS: &str = "15";

/// A target in a directory of its own, and the means to run it.
struct Target {
    yard: Yard,
    cargo_afl: CargoAfl,
}

impl Target {
    fn compile(name: &str) -> Self {
        let target = Self { yard: Yard::new(), cargo_afl: CargoAfl::find_or_install().expect("cargo-afl") };
        target.yard.target(name, &target.cargo_afl);
        target
    }

    /// Runs everything in the directory `in`, one input after the other; the target's log.
    fn run(&self, transport: &str) -> (Output, String) {
        let log = self.yard.path(&format!("{transport}.log"));
        let output = self
            .cargo_afl
            .command()
            .args(["showmap", "-t", "10000", "-i"])
            .arg(self.yard.path("in"))
            .arg("-o")
            .arg(self.yard.path("maps"))
            .arg("--")
            .arg(self.yard.path("target"))
            .env("AFL_PRELOAD", sockfuzz::preload::locate(None).expect("the preload"))
            .env("TARGET_LOG", &log)
            .envs([
                ("SOCKFUZZ_TRANSPORT", transport),
                ("SOCKFUZZ_ITERATIONS", ITERATIONS),
                ("SOCKFUZZ_WARM_UP", "off"),
                ("SOCKFUZZ_SETTLE", "off"),
            ])
            .output()
            .expect("afl-showmap starts");
        (output, fs::read_to_string(&log).unwrap_or_default())
    }
}

fn every_input_arrives_once(name: &str) {
    let target = Target::compile(name);
    let lines: BTreeSet<String> = (0..INPUTS).map(|number| format!("GET /{number} HTTP/1.1")).collect();
    for (number, line) in lines.iter().enumerate() {
        target.yard.write(&format!("in/{number}"), format!("{line}\r\nHost: a\r\n\r\n").as_bytes());
    }
    for transport in ["unix", "tcp"] {
        let (output, log) = target.run(transport);
        assert!(output.status.success(), "{name} {transport}: {}", String::from_utf8_lossy(&output.stdout));
        let mut seen: Vec<&str> = log.lines().collect();
        seen.sort_unstable();
        assert_eq!(seen, lines.iter().collect::<Vec<_>>(), "{name} {transport}");
    }
}

/// afl-showmap ends with status 2 when an input crashed the target (afl-showmap.c: FSRV_RUN_CRASH).
#[test]
fn crashes_in_a_child() {
    let target = Target::compile("crashes_in_a_child");
    target.yard.write("in/1", b"GET /1 HTTP/1.1\r\n\r\n");
    assert!(target.run("unix").0.status.success());
    target.yard.write("in/2", b"GET /abc HTTP/1.1\r\n\r\n");
    assert_eq!(target.run("unix").0.status.code(), Some(2));
}

include!("../../preload/tests/targets/list.rs");

macro_rules! loops {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                every_input_arrives_once(stringify!($name));
            }
        )*
    };
}

for_each_target!(loops);

// Those whose single run has a test of another kind.
loops! {
    io_uring_refused,
    never_closes,
    prefork,
    prints_to_stdout,
}
