//! Coverage run: one process of a server with the compiler's own coverage plays many inputs, and leaves its profile in a
//! directory. It is the batch run of [`super::batch_run`], by the machine's clock and with real random numbers, as
//! at the server's users.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use sockfuzz_protocol::source_coverage::{PROFILE_EXTENSION, SAVE_SIGNAL};
use sockfuzz_protocol::{Counter, Phase, batch, specs};

use crate::options::PreloadOptions;
use crate::server::Server;
use crate::server::batch_run::{ANSWERS_PER_FAILURE, MAX_FAILURES, batch_options};
use crate::server::plain_server::PlainServer;
use crate::server::process_tree;
use crate::server::running::WaitOutcome;
use crate::server::single_run::{RunConfig, RunningServer};
use crate::util::interrupt;

/// Variables of the runtimes: the file of LLVM's, and the directory below which gcc's keeps the paths of object files.
const LLVM_FILE_VARIABLE: &str = "LLVM_PROFILE_FILE";
const GCC_DIRECTORY_VARIABLE: &str = "GCOV_PREFIX";

/// Name of the directory of gcc's files.
pub const GCC_DIRECTORY: &str = "gcov";

/// Time in which processes save their coverage and end.
const SAVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Interval at which is checked whether they have ended.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Result of a coverage run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CoverageRun {
    /// Inputs that were played, including those at which a process failed.
    pub played: usize,
    /// Inputs that ended or hung a process.
    pub failed: usize,
}

/// Result of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ProcessCoverage {
    /// Inputs that it answered.
    answered: usize,
    /// Whether it ended by a signal.
    crashed: bool,
}

/// Returns the options under which a server leaves its profile in this directory, which it may write to.
#[must_use]
pub fn coverage_options(options: &PreloadOptions, directory: &Path) -> PreloadOptions {
    let mut writable = options.parsed().writable.0;
    writable.push(directory.to_owned());
    let writable: Vec<_> = writable.iter().map(|path| path.to_string_lossy()).collect();
    let directory = directory.to_string_lossy();
    batch_options(options)
        .with(specs::WRITABLE.variable, writable.join(":"))
        .with(specs::WRITE_COVERAGE.variable, directory.clone().into_owned())
        .with(GCC_DIRECTORY_VARIABLE, format!("{directory}/{GCC_DIRECTORY}"))
        // What a process writes by itself when it exits is saved already.
        .with(LLVM_FILE_VARIABLE, "/dev/null".to_owned())
}

impl RunConfig<'_> {
    /// Plays the inputs one after the other in one process, with [`coverage_options`] for this directory. After an input
    /// that ends or hangs it, another process continues with the next one, unless almost every input does so.
    ///
    /// # Errors
    /// When the server never serves, or the user interrupts.
    pub fn run_for_coverage(
        &self,
        inputs: &[&[u8]],
        directory: &Path,
        on_input: &dyn Fn(),
    ) -> Result<CoverageRun> {
        let mut run = CoverageRun::default();
        while run.played < inputs.len() && !run.is_hopeless() {
            let begin = run.played;
            let ProcessCoverage { answered, crashed } = self.play_for_coverage(&inputs[begin..], on_input)?;
            run.played += answered;
            if run.played < inputs.len() {
                if run.played == 0 {
                    self.require_service(inputs[0])?;
                }
                if crashed && answered > 0 && !has_profiles(directory)? {
                    // gcc's runtime writes nothing where a process crashes.
                    self.play_for_coverage(&inputs[begin..run.played], &|| {})?;
                }
                run.played += 1;
                run.failed += 1;
            }
        }
        Ok(run)
    }

    /// Plays inputs in a fresh process.
    fn play_for_coverage(&self, inputs: &[&[u8]], on_input: &dyn Fn()) -> Result<ProcessCoverage> {
        let RunningServer { mut running, status, .. } = self.start(&batch::encode(inputs.iter().copied()))?;
        let waited = self.wait_for_inputs(&mut running, &status, on_input)?;
        end_all(SAVE_SIGNAL)?;
        let begun = usize::try_from(status.count(Counter::Iterations))?;
        Ok(ProcessCoverage {
            answered: if status.phase() == Phase::Finished { inputs.len() } else { begun.saturating_sub(1) },
            crashed: matches!(waited, WaitOutcome::Ended(end) if end.signal().is_some()),
        })
    }

    /// Returns an error if the server cannot be used with any input.
    fn require_service(&self, input: &[u8]) -> Result<()> {
        match self.server_problem(&self.run(input)?)? {
            Some(problem) => Err(problem.into()),
            None => Ok(()),
        }
    }

    /// Plays the inputs on the plain server, without the preload, over real TCP. Its processes write their profiles
    /// when they exit, which SIGTERM makes them do.
    ///
    /// # Errors
    /// When the server never listens, or the user interrupts.
    pub fn run_plain_for_coverage(
        &self,
        inputs: &[&[u8]],
        directory: &Path,
        on_input: &dyn Fn(),
    ) -> Result<CoverageRun> {
        let options = self.options.parsed();
        let timeouts = self.tcp_timeouts();
        let server = plain_server(self.server, directory);
        let mut run = CoverageRun::default();
        while run.played < inputs.len() && !run.is_hopeless() {
            let mut plain = PlainServer::start(&server, &options, self.timeout)?;
            for input in &inputs[run.played..] {
                interrupt::check()?;
                let answers = plain.play(input, options.input, timeouts, None);
                run.played += 1;
                on_input();
                if !answers.is_ok_and(|answers| !answers.timed_out) {
                    run.failed += 1;
                    break;
                }
            }
            end_all(libc::SIGTERM)?;
        }
        Ok(run)
    }
}

impl CoverageRun {
    fn is_hopeless(self) -> bool {
        self.failed > MAX_FAILURES + self.played / ANSWERS_PER_FAILURE
    }
}

/// Sends this signal to all processes of the server, and waits until they have ended.
fn end_all(signal: i32) -> Result<()> {
    let deadline = Instant::now() + SAVE_TIMEOUT;
    let mut asked = HashSet::new();
    loop {
        interrupt::check()?;
        let left = process_tree::own_descendants();
        if left.is_empty() || Instant::now() >= deadline {
            return Ok(());
        }
        for process in left.iter().filter(|process| asked.insert(process.pid)) {
            process_tree::signal(process.pid, signal);
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// Whether a process has left a profile of its own, and not through gcc's runtime.
fn has_profiles(directory: &Path) -> Result<bool> {
    let files = fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    Ok(files.flatten().any(|file| file.path().extension().is_some_and(|it| it == PROFILE_EXTENSION)))
}

/// Returns the server with the variables by which the runtimes know where to write.
fn plain_server(server: &Server, directory: &Path) -> Server {
    let mut arguments: Vec<OsString> = vec![
        // %m stands for the executable or library: its processes merge what they have counted.
        format!("{LLVM_FILE_VARIABLE}={}/%m.{PROFILE_EXTENSION}", directory.display()).into(),
        format!("{GCC_DIRECTORY_VARIABLE}={}/{GCC_DIRECTORY}", directory.display()).into(),
        server.program.clone().into(),
    ];
    arguments.extend(server.arguments.iter().cloned());
    Server { program: "/usr/bin/env".into(), arguments, ..server.clone() }
}
