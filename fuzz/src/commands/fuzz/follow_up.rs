//! What follows a campaign: triage of its findings, and the report.

use std::env;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use signal_hook::consts::SIGINT;

use crate::campaign::conclusion::command_with;
use crate::campaign::findings;
use crate::note;
use crate::server::running::RunningProcess;
use crate::util::exit_code;

/// Interval between two looks at a command.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Triages the findings of the campaign in `out`, unless the user does not want that, and writes its report. `status` is
/// the exit status of the campaign. Both commands run as processes of their own: Ctrl-C, which has ended the campaign,
/// can end them again.
///
/// # Errors
/// When they cannot be started.
pub(super) fn follow_up(out: &Path, is_wanted: bool, status: u8) -> Result<()> {
    let is_asked_to_end = status != exit_code::OK && status != exit_code::SIGNAL_BASE + SIGINT as u8;
    let has_findings = !findings::of_campaign(out).is_empty() || !findings::histories(out).is_empty();
    if !is_wanted || is_asked_to_end {
        for (needed, what, subcommand) in [
            (has_findings, "group the findings into bugs, and confirm these on the plain server", "triage"),
            (true, "see figures over time and findings on one page", "report"),
        ] {
            if needed {
                eprintln!("{what} with:\n  {}", command_with(subcommand, out));
            }
        }
        return Ok(());
    }
    if has_findings {
        eprintln!();
        note!("triage of the findings; Ctrl-C ends it, and the same command goes on with it later");
        run("triage", out)?;
    }
    run("report", out)
}

/// Runs a subcommand on the output directory to its end, and prints it before.
fn run(subcommand: &str, out: &Path) -> Result<()> {
    eprintln!("{}", command_with(subcommand, out));
    let program = env::current_exe().context("cannot find the program of sockfuzz")?;
    let mut command = Command::new(program);
    command.args([OsStr::new(subcommand), out.as_os_str()]);
    let mut running = RunningProcess::start(command)?;
    while running.ended()?.is_none() {
        thread::sleep(POLL_INTERVAL);
    }
    Ok(())
}
