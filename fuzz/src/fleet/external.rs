//! Runs of other programs (ssh, rsync) to their end, with a time limit.

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::util::interrupt;
use crate::util::notice;
use crate::util::problem::Problem;

/// Interval of checking whether the program has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Whether Ctrl-C ends a program that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnInterrupt {
    /// It is ended, and the run is an error.
    End,
    /// It runs on: it is a part of the clean-up.
    Finish,
}

/// What a program printed, and how it ended.
#[derive(Debug)]
pub struct ProgramResult {
    /// How it ended; `None` if it reached the time limit.
    pub status: Option<ExitStatus>,
    /// Its stdout.
    pub stdout: Vec<u8>,
    /// Its stderr.
    pub stderr: Vec<u8>,
}

/// Child that is killed, with its process group, if it is dropped before it has ended.
struct ProgramGroup(Child);

impl Drop for ProgramGroup {
    fn drop(&mut self) {
        let group = rustix::process::Pid::from_child(&self.0);
        if matches!(self.0.try_wait(), Ok(None)) {
            // It may have ended just now.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            let _ = self.0.wait();
        }
    }
}

/// Runs a program to its end, or to the time limit. It gets `input` on stdin, and its own process group, so that Ctrl-C on
/// the terminal does not reach it.
///
/// # Errors
/// When it cannot be started, or the user interrupts.
pub fn run(
    mut command: Command,
    input: &[u8],
    limit: Duration,
    on_interrupt: OnInterrupt,
) -> Result<ProgramResult> {
    notice::print_command(&command);
    let deadline = Instant::now() + limit;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = ProgramGroup(command.spawn().map_err(|error| missing(&name, &error))?);
    let mut stdin = child.0.stdin.take().context("no pipe")?;
    let stdout = child.0.stdout.take().context("no pipe")?;
    let stderr = child.0.stderr.take().context("no pipe")?;
    thread::scope(|scope| {
        // A program that ends without reading its input closes the pipe.
        scope.spawn(move || stdin.write_all(input));
        let stdout = scope.spawn(|| read(stdout));
        let stderr = scope.spawn(|| read(stderr));
        let status = wait(&mut child, deadline, on_interrupt);
        if !matches!(status, Ok(Some(_))) {
            // The readers return when the last process of the group has ended.
            drop(child);
        }
        let outputs = (stdout.join().unwrap_or_default(), stderr.join().unwrap_or_default());
        Ok(ProgramResult { status: status?, stdout: outputs.0, stderr: outputs.1 })
    })
}

fn wait(
    child: &mut ProgramGroup,
    deadline: Instant,
    on_interrupt: OnInterrupt,
) -> Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.0.try_wait()? {
            return Ok(Some(status));
        }
        if on_interrupt == OnInterrupt::End {
            interrupt::check()?;
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        thread::sleep(POLL_INTERVAL);
    }
}

fn read(mut from: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What was read before an error is still of use.
    let _ = from.read_to_end(&mut bytes);
    bytes
}

fn missing(program: &str, error: &io::Error) -> anyhow::Error {
    match error.kind() {
        io::ErrorKind::NotFound => Problem::failed(
            format!("{program} is missing on this machine"),
            "install it; on Debian: apt-get install openssh-client rsync",
        )
        .into(),
        _ => anyhow::anyhow!("cannot start {program}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> ProgramResult {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run(command, b"input", limit, OnInterrupt::End).expect("runs")
    }

    #[test]
    fn input_and_output_are_passed() {
        let result = shell("cat; echo wrong >&2; exit 3", Duration::from_secs(20));
        assert_eq!(result.status.and_then(|status| status.code()), Some(3));
        assert_eq!((result.stdout, result.stderr), (b"input".to_vec(), b"wrong\n".to_vec()));
    }

    #[test]
    fn a_program_that_does_not_end_is_ended_with_its_children() {
        let result = shell("sleep 1000 & sleep 1000", Duration::from_millis(100));
        assert_eq!(result.status, None);
    }

    #[test]
    fn a_missing_program_is_named() {
        let command = Command::new("sockfuzz-no-such-program");
        let error = run(command, b"", Duration::from_secs(1), OnInterrupt::End).expect_err("missing");
        assert!(error.to_string().contains("sockfuzz-no-such-program is missing"), "{error}");
    }
}
