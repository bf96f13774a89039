//! Compiles the target programs and runs them under the preload, without the command line.

// Each test file compiles this module for itself and uses a part of it.
#![allow(dead_code)]

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Time limit of a run, longer than any target needs on a busy machine. A target that hangs is killed then.
const LIMIT: Duration = Duration::from_secs(60);

/// A compiled target program.
pub(crate) struct Target {
    directory: TempDir,
}

impl Target {
    /// Compiles `tests/targets/NAME.c`.
    pub(crate) fn compile(name: &str, flags: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/targets/{name}.c"));
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let output = Command::new(compiler)
            .args(["-Wall", "-Wextra", "-Werror", "-O1", "-pthread"])
            .args(flags)
            .arg("-o")
            .arg(directory.path().join("target"))
            .arg(source)
            .output()
            .expect("a C compiler: install one, or name it in CC");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self { directory }
    }

    /// Returns a command that runs the target under the preload, with `options` in the environment.
    pub(crate) fn command(&self, options: &[(&str, &str)]) -> Command {
        let mut command = Command::new(self.directory.path().join("target"));
        command.env("LD_PRELOAD", preload()).envs(options.iter().copied());
        command
    }

    /// Runs the target once with `input` on stdin, and collects its output.
    pub(crate) fn run(&self, input: &[u8], options: &[(&str, &str)]) -> Output {
        run(self.command(options), input)
    }
}

/// Runs a command to its end, with `input` on its stdin. Kills it after [`LIMIT`].
pub(crate) fn run(mut command: Command, input: &[u8]) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the target starts");
    let mut stdin = child.stdin.take().expect("piped");
    let stdout = collect(child.stdout.take().expect("piped"));
    let stderr = collect(child.stderr.take().expect("piped"));
    let input = input.to_vec();
    let writer = thread::spawn(move || {
        // A target that ends early does not read all input, so an error is expected.
        let _ = stdin.write_all(&input);
    });
    let status = wait(&mut child);
    writer.join().expect("writer");
    Output { status, stdout: stdout.join().expect("stdout"), stderr: stderr.join().expect("stderr") }
}

fn collect(mut from: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut all = Vec::new();
        from.read_to_end(&mut all).expect("a readable pipe");
        all
    })
}

fn wait(child: &mut Child) -> ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("waitpid") {
            return status;
        }
        if start.elapsed() > LIMIT {
            child.kill().expect("kill");
            child.wait().expect("waitpid");
            panic!("the target was still running after {LIMIT:?} and was killed");
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Returns the path of the preload, built with assertions on first use. Cargo builds no cdylib for the package's tests.
pub(crate) fn preload() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| build(&["--lib"]).join(sockfuzz_protocol::PRELOAD_FILE))
}

/// Builds a part of this package with assertions. Returns the directory of what was built.
pub(crate) fn build(selection: &[&str]) -> PathBuf {
    let test = std::env::current_exe().expect("this test's path");
    let target = test.ancestors().nth(3).expect("TARGET/PROFILE/deps/TEST");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--profile=checked", "--package", "sockfuzz-preload", "--target-dir"])
        .arg(target)
        .args(selection)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("cargo starts");
    assert!(status.success(), "{selection:?} does not compile");
    target.join("checked")
}

/// Returns every transport as an option.
pub(crate) fn transports() -> [[(&'static str, &'static str); 1]; 3] {
    ["unix", "tcp", "memory"].map(|transport| [("SOCKFUZZ_TRANSPORT", transport)])
}

/// Runs a target over every transport and compares its whole answer.
pub(crate) fn answers(name: &str, flags: &[&str], input: &[u8], body: &str) {
    let target = Target::compile(name, flags);
    let expected = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    for options in transports() {
        let output = target.run(input, &options);
        assert!(output.status.success(), "{name} {options:?}: {}", describe(&output));
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{name} {options:?}");
    }
}

/// Describes the exit status and the output of a run, for the message of an assertion.
pub(crate) fn describe(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(2000)]).into_owned();
    format!("{}\nstdout: {}\nstderr: {}", output.status, text(&output.stdout), text(&output.stderr))
}

/// Whether `needle` occurs in `hay`.
pub(crate) fn contains(hay: &[u8], needle: impl AsRef<OsStr>) -> bool {
    let needle = needle.as_ref().as_encoded_bytes();
    hay.windows(needle.len()).any(|window| window == needle)
}
