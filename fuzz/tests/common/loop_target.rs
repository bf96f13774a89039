//! Target programs of the preload under an AFL++ tool.

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use sockfuzz::campaign::cargo_afl::CargoAfl;

use super::TestDir;

/// Number of inputs of a run.
pub const INPUTS: usize = 50;
/// Iterations of a process: not a divisor of [`INPUTS`], so that the last process does not reach this limit.
pub const ITERATIONS: &str = "15";

/// Target in a directory of its own, with the tools to run it.
pub struct LoopTarget {
    /// Directory with the inputs, coverage maps and logs.
    pub dir: TestDir,
    /// Path of the program.
    pub program: PathBuf,
    /// cargo-afl, whose tools run the program.
    pub cargo_afl: CargoAfl,
}

impl LoopTarget {
    /// Compiles `preload/tests/targets/NAME.c`.
    pub fn compile(name: &str) -> Self {
        Self::compile_with(name, "cc", &[])
    }

    /// Compiles `preload/tests/targets/NAME.c` with the given compiler and further flags.
    pub fn compile_with(name: &str, compiler: &str, flags: &[&str]) -> Self {
        let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
        let dir = TestDir::new();
        let program = dir.loop_target(name, compiler, flags, &cargo_afl);
        Self { dir, program, cargo_afl }
    }

    /// Runs all inputs in the directory `in`, and returns the output of afl-showmap and the target's log.
    pub fn run(&self, transport: &str, variables: &[(&str, &str)]) -> (Output, String) {
        let log = self.dir.path(&format!("{transport}.log"));
        let output = self
            .cargo_afl
            .command()
            .args(["showmap", "-t", "10000", "-i"])
            .arg(self.dir.path("in"))
            .arg("-o")
            .arg(self.dir.path("maps"))
            .arg("--")
            .arg(&self.program)
            .env("AFL_PRELOAD", sockfuzz::util::preload::locate(None).expect("the preload"))
            .env("TARGET_LOG", &log)
            .envs([
                ("SOCKFUZZ_TRANSPORT", transport),
                ("SOCKFUZZ_ITERATIONS", ITERATIONS),
                ("SOCKFUZZ_WARM_UP", "off"),
                ("SOCKFUZZ_RERUN", "off"),
            ])
            .envs(variables.iter().copied())
            .output()
            .expect("afl-showmap starts");
        (output, fs::read_to_string(&log).unwrap_or_default())
    }
}
