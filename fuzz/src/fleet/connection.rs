//! Connection to a host: commands of ssh and rsync, and what their failures mean.

use std::ffi::{OsStr, OsString};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use thiserror::Error;

use super::config::FleetHost;
use super::external::{self, OnInterrupt, ProgramResult};
use crate::util::printable::last_lines;
use crate::util::problem::Problem;
use crate::util::shell::shell_quoted;

/// Options of ssh: no questions, and an end when the host does not answer.
const SSH_OPTIONS: &[&str] = &[
    "-o",
    "BatchMode=yes",
    "-o",
    "ConnectTimeout=10",
    "-o",
    "ServerAliveInterval=10",
    "-o",
    "ServerAliveCountMax=3",
];

/// Seconds without data after which rsync gives up.
const RSYNC_IDLE_LIMIT_S: &str = "60";

/// Exit status of ssh for its own errors.
const SSH_FAILED: i32 = 255;
/// Exit status of a shell that does not find a program.
const NOT_FOUND: i32 = 127;
/// Exit status of rsync when files vanished while they were transferred: afl-fuzz renames its queue when it resumes.
const VANISHED: i32 = 24;
/// Exit statuses of rsync for a connection that broke or timed out.
const RSYNC_DISCONNECTED: &[i32] = &[10, 12, 30, 35, SSH_FAILED];

/// Host that could not be reached, or did not answer in time. It may come back.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Unreachable(pub String);

/// Connection to a host.
#[derive(Debug, Clone, Copy)]
pub struct HostConnection<'a> {
    /// The host.
    pub host: &'a FleetHost,
    /// Maximum bandwidth in KiB per second.
    pub bandwidth_kib_s: Option<u32>,
    /// Whether Ctrl-C ends what runs.
    pub on_interrupt: OnInterrupt,
}

impl HostConnection<'_> {
    /// Runs a shell script on the host, and returns its output.
    ///
    /// # Errors
    /// [`Unreachable`], or a host without a shell.
    pub fn run_script(&self, script: &str, words: &[&str], limit: Duration) -> Result<String> {
        let words = ["sh", "-s", "--"].iter().chain(words).map(OsStr::new);
        let command = match &self.host.ssh {
            Some(destination) => {
                let mut command = Command::new("ssh");
                command.args(SSH_OPTIONS).args(&self.host.ssh_options);
                command.arg(destination).arg(shell_quoted(words));
                command
            }
            None => {
                let mut command = Command::new("env");
                command.args(words);
                command
            }
        };
        let result = external::run(command, script.as_bytes(), limit, self.on_interrupt)?;
        match result.status.map(|status| status.code()) {
            None | Some(Some(SSH_FAILED)) => Err(unreachable(&result, limit).into()),
            Some(Some(0 | 1)) => Ok(String::from_utf8_lossy(&result.stdout).into_owned()),
            Some(_) => Err(self.problem(&result, "sh", "it must run commands by a POSIX shell").into()),
        }
    }

    /// Runs rsync with these words, and returns what it prints. `input` is its list of files, if it takes one.
    ///
    /// # Errors
    /// [`Unreachable`], or a transfer that failed.
    pub fn run_rsync(&self, words: &[OsString], input: &[u8], limit: Duration) -> Result<String> {
        let shell = ["ssh"].iter().chain(SSH_OPTIONS).map(OsStr::new);
        let shell = shell_quoted(shell.chain(self.host.ssh_options.iter().map(OsStr::new)));
        let mut command = Command::new("rsync");
        command.env("LC_ALL", "C").args(["--rsh", &shell]);
        // Remote names are not split by a shell; times are compared with their nanoseconds.
        command.args(["--protect-args", "--times", "--modify-window=-1", "--compress", "--stats"]);
        command.args(["--timeout", RSYNC_IDLE_LIMIT_S]);
        if let Some(limit) = self.bandwidth_kib_s {
            command.args(["--bwlimit", &limit.to_string()]);
        }
        let result = external::run(command_with(command, words), input, limit, self.on_interrupt)?;
        match result.status.map(|status| status.code()) {
            Some(Some(0 | VANISHED)) => Ok(String::from_utf8_lossy(&result.stdout).into_owned()),
            None => Err(unreachable(&result, limit).into()),
            Some(Some(code)) if is_without_rsync(code, &result.stderr) => Err(self
                .problem(&result, "rsync", "install rsync on the host; on Debian: apt-get install rsync")
                .into()),
            Some(Some(code)) if RSYNC_DISCONNECTED.contains(&code) => Err(unreachable(&result, limit).into()),
            Some(_) => Err(self
                .problem(&result, "rsync", "see its message above; is the disk full, or not writable?")
                .into()),
        }
    }

    /// Returns the path on the host for rsync.
    #[must_use]
    pub fn remote(&self, path: &str) -> OsString {
        let path = format!("{}/{path}", self.host.directory.trim_end_matches('/'));
        self.host.ssh.as_ref().map_or(path.clone(), |ssh| format!("{ssh}:{path}")).into()
    }

    fn problem(&self, result: &ProgramResult, program: &str, remedy: &str) -> Problem {
        let message = last_lines(&result.stderr, 3).join("\n  ");
        Problem::failed(format!("host {}: {program} failed: {message}", self.host.name), remedy)
    }
}

fn command_with(mut command: Command, words: &[OsString]) -> Command {
    command.args(words);
    command
}

fn is_without_rsync(code: i32, stderr: &[u8]) -> bool {
    code == NOT_FOUND || (code == 12 && String::from_utf8_lossy(stderr).contains("not found"))
}

fn unreachable(result: &ProgramResult, limit: Duration) -> Unreachable {
    let said = last_lines(&result.stderr, 1).join("").trim().to_owned();
    Unreachable(match (result.status, said.is_empty()) {
        (None, _) => format!("no answer within {} s", limit.as_secs()),
        (Some(_), true) => "the connection failed".to_owned(),
        (Some(_), false) => said,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_rsync_is_told_from_a_broken_connection() {
        assert!(is_without_rsync(12, b"sh: 1: rsync: not found\n"));
        assert!(is_without_rsync(NOT_FOUND, b""));
        assert!(!is_without_rsync(12, b"connection unexpectedly closed"));
    }
}
