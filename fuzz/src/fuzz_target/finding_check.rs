//! Check of findings of afl-fuzz while it goes on: another process of sockfuzz plays them, because the end of a
//! server is the end of all processes below the one that plays it.

use std::env;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use sockfuzz_launcher::launch::{REPORT_FILE, TARGET_SUBCOMMAND};
use tempfile::TempDir;

use crate::fuzz_target::target_line::status;
use crate::fuzz_target::unit::Unit;

/// Finding of afl-fuzz that is being played.
#[derive(Debug)]
pub(super) struct FindingCheck {
    unit: Unit,
    child: Child,
    directory: TempDir,
}

/// Finding that happens alone in a fresh process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ConfirmedFinding {
    /// The input.
    pub(super) unit: Unit,
    /// Whether it is a hang, and no crash.
    pub(super) is_timeout: bool,
    /// What was written about it.
    pub(super) report: String,
}

impl FindingCheck {
    /// Starts to play an input.
    pub(super) fn start(unit: Unit, timeout: Duration) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let input = directory.path().join("input");
        fs::write(&input, &unit.bytes)?;
        let program = env::current_exe().context("cannot find the program of sockfuzz")?;
        let report = File::create(report_of(&directory))?;
        let child = Command::new(program)
            .args([TARGET_SUBCOMMAND, "--", &format!("-timeout={}", timeout.as_secs())])
            .arg(input)
            .env_remove(REPORT_FILE)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(report)
            .spawn()?;
        Ok(Self { unit, child, directory })
    }

    /// Returns the result if it is there: the finding, or `None` inside if it does not happen alone.
    pub(super) fn poll(&mut self) -> Result<Option<Option<ConfirmedFinding>>> {
        let Some(end) = self.child.try_wait()? else { return Ok(None) };
        let report = fs::read(report_of(&self.directory))?;
        let finding = |is_timeout| ConfirmedFinding {
            unit: self.unit.clone(),
            is_timeout,
            report: String::from_utf8_lossy(&report).into_owned(),
        };
        Ok(Some(match end.code() {
            Some(code) if code == i32::from(status::CRASH) => Some(finding(false)),
            Some(code) if code == i32::from(status::TIMEOUT) => Some(finding(true)),
            _ => self.unclear(end, &report),
        }))
    }

    /// Returns no finding. If the playing process ended with an error, prints the error; the input stays with the caller.
    fn unclear(&self, end: ExitStatus, report: &[u8]) -> Option<ConfirmedFinding> {
        if !end.success() {
            eprintln!("INFO: sockfuzz: a finding could not be played:\n{}", String::from_utf8_lossy(report));
        }
        None
    }

    /// Returns the input.
    pub(super) fn into_unit(self) -> Unit {
        self.unit
    }
}

fn report_of(directory: &TempDir) -> PathBuf {
    directory.path().join("report")
}
