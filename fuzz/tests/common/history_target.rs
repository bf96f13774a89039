//! Servers whose processes leave histories, and campaigns made of these.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use assert_cmd::Command as Sockfuzz;
use sockfuzz::campaign::cargo_afl::CargoAfl;
use sockfuzz_protocol::history::{History, PLACES_FILE};

use super::forkserver_client::{ForkserverClient, Verdict};
use super::{TestDir, bundled, program_with};

/// Time limit of an input that does not hang.
pub const LIMIT: Duration = Duration::from_secs(10);

/// Time limit of an input that hangs.
pub const HANG_LIMIT: Duration = Duration::from_millis(300);

/// Server with a directory for its histories.
pub struct Target {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<&'static str>,
    /// Temporary directory.
    pub dir: TestDir,
}

impl Target {
    /// The target program `remembers`.
    pub fn compile() -> Self {
        Self::compile_program("remembers")
    }

    /// The target program with this name.
    pub fn compile_program(name: &str) -> Self {
        let dir = TestDir::new();
        let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
        let program = dir.loop_target(name, "cc", &[], &cargo_afl);
        Self { program, arguments: Vec::new(), dir }
    }

    /// The bundled server with planted bugs.
    pub fn planted(model: &'static str) -> Self {
        let program = bundled(program_with(model, true));
        Self { program, arguments: vec!["--model", model], dir: TestDir::new() }
    }

    /// Starts the target with an empty directory of histories.
    pub fn start(&self, options: &[(&str, &str)]) -> ForkserverClient {
        let histories = self.histories();
        let _ = fs::remove_dir_all(&histories);
        fs::create_dir(&histories).expect("mkdir");
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).envs(options.iter().copied()).env("SOCKFUZZ_HISTORIES", histories);
        ForkserverClient::start(command)
    }

    pub fn histories(&self) -> PathBuf {
        self.dir.path("histories")
    }

    /// Returns the saved histories, with the names of their files.
    pub fn saved(&self) -> Vec<(PathBuf, History)> {
        let mut files: Vec<_> = fs::read_dir(self.histories())
            .expect("readable")
            .map(|file| file.expect("readable").path())
            .filter(|path| !path.ends_with(PLACES_FILE))
            .collect();
        files.sort();
        let read = |path: PathBuf| {
            let history = History::decode(&fs::read(&path).expect("readable")).expect("a history");
            (path, history)
        };
        files.into_iter().map(read).collect()
    }

    /// Makes an output directory with the saved histories and one crash, and returns its path.
    pub fn campaign(&self, crash: &[u8]) -> PathBuf {
        let out = self.dir.path("out");
        for directory in ["default/crashes", "default/queue", "sockfuzz-histories"] {
            fs::create_dir_all(out.join(directory)).expect("mkdir");
        }
        fs::rename(self.histories(), out.join("sockfuzz-histories/default")).expect("moved");
        fs::write(out.join("sockfuzz.target"), format!("{}\n", self.program.display())).expect("write");
        fs::write(out.join("default/crashes/id:000000,sig:11"), crash).expect("write");
        out
    }

    /// Replays a file, and returns the exit status and stdout.
    pub fn replay(&self, file: &Path, options: &[(&str, &str)]) -> (Option<i32>, String) {
        let timeout = if file.to_string_lossy().contains("hang") { "1" } else { "20" };
        let mut command = Sockfuzz::cargo_bin("sockfuzz").expect("built");
        command
            .args(["replay", "--timeout", timeout])
            .arg(file)
            .arg("--")
            .arg(&self.program)
            .args(&self.arguments);
        let output = command.envs(options.iter().copied()).output().expect("runs");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// Returns a request for the target program `remembers`.
pub fn request(what: &str) -> Vec<u8> {
    format!("GET /{what} HTTP/1.1\r\n\r\n").into_bytes()
}

/// Runs the requests of a case up to the end of the process.
pub fn end(client: &mut ForkserverClient, whats: &[&str]) {
    let (last, before) = whats.split_last().expect("not empty");
    for what in before {
        assert_eq!(client.verdict_of(&request(what), LIMIT), Verdict::Finished, "{whats:?}");
    }
    let limit = if *last == "hang" { HANG_LIMIT } else { LIMIT };
    assert_ne!(client.verdict_of(&request(last), limit), Verdict::Finished, "{whats:?}");
}
