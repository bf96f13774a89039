//! What follows a campaign: triage of its findings, its routes, and the reports.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use humantime::format_duration;
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::SIGINT;

use crate::campaign::conclusion::command_with;
use crate::campaign::findings;
use crate::note;
use crate::server::running::RunningProcess;
use crate::util::exit_code;
use crate::util::interrupt;
use crate::util::shell::shell_quoted;

/// Interval between two looks at a command.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Time in which triage ends after it was asked to.
const END_TIMEOUT: Duration = Duration::from_secs(10);

/// What the user wants after a campaign.
#[derive(Debug)]
pub(super) struct FollowUp<'a> {
    /// Whether to triage, to play the queue for its routes, and to write the page.
    pub(super) is_wanted: bool,
    /// Time limit of the triage.
    pub(super) triage_time: Option<Duration>,
    /// Files of further reports, with the names of their formats.
    pub(super) reports: Vec<(&'static str, &'a Path)>,
}

impl FollowUp<'_> {
    /// Triages the findings of the campaign in `out`, and writes its reports, as far as the user wants that. `status` is
    /// the exit status of the campaign. The commands run as processes of their own: Ctrl-C, which has ended the campaign,
    /// can end them again. Returns whether all reports of [`Self::reports`] were written.
    ///
    /// # Errors
    /// When they cannot be started.
    pub(super) fn run(&self, out: &Path, status: u8) -> Result<bool> {
        let is_asked_to_end = status != exit_code::OK && status != exit_code::SIGNAL_BASE + SIGINT as u8;
        if is_asked_to_end {
            propose(out);
            return Ok(self.reports.is_empty());
        }
        if self.is_wanted {
            if has_findings(out) {
                eprintln!();
                note!("triage of the findings; Ctrl-C ends it, and the same command goes on with it later");
                run("triage", &[], out, self.triage_time)?;
            }
            run("routes", &[], out, None)?;
            run("report", &[], out, None)?;
        } else {
            propose(out);
        }
        let mut all_written = true;
        for (format, file) in &self.reports {
            let options = ["--format".as_ref(), format.as_ref(), "-o".as_ref(), file.as_os_str()];
            let ended = run("report", &options, out, None)?;
            all_written &= ended.is_some_and(|status| status.success());
        }
        Ok(all_written)
    }
}

fn has_findings(out: &Path) -> bool {
    !findings::of_campaign(out).is_empty() || !findings::histories(out).is_empty()
}

/// Prints the commands that the user may want.
fn propose(out: &Path) {
    for (needed, what, subcommand) in [
        (has_findings(out), "group the findings into bugs, and confirm these on the plain server", "triage"),
        (true, "see figures over time and findings on one page", "report"),
    ] {
        if needed {
            eprintln!("{what} with:\n  {}", command_with(subcommand, out));
        }
    }
}

/// Runs a subcommand on the output directory to its end, and prints it before. At the time limit, or when only sockfuzz is
/// asked to end, it is ended like by Ctrl-C, and `None` is returned if it does not end then.
pub(super) fn run(
    subcommand: &str,
    options: &[&OsStr],
    out: &Path,
    limit: Option<Duration>,
) -> Result<Option<ExitStatus>> {
    let words = [&[OsStr::new(subcommand)], options, &[out.as_os_str()]].concat();
    eprintln!("{}", shell_quoted([OsStr::new("sockfuzz")].into_iter().chain(words.iter().copied())));
    let program: PathBuf = env::current_exe().context("cannot find the program of sockfuzz")?;
    let mut command = Command::new(program);
    command.args(words);
    let mut running = RunningProcess::start(command)?;
    let started = Instant::now();
    // Ctrl-C may have ended the campaign.
    let earlier_signal = interrupt::check().err();
    let mut asked: Option<Instant> = None;
    loop {
        if let Some(status) = running.ended()? {
            return Ok(Some(status));
        }
        match (asked, limit) {
            (Some(asked), _) if asked.elapsed() >= END_TIMEOUT => return Ok(None),
            (None, Some(limit)) if started.elapsed() >= limit => {
                note!(
                    "{subcommand} has taken its {}; what is left is for the next one, by hand or at the end of the next \
                     campaign here",
                    format_duration(limit)
                );
                asked = Some(ask_to_end(&running));
            }
            (None, _) if interrupt::check().err() != earlier_signal => asked = Some(ask_to_end(&running)),
            _ => {}
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// Asks a process to end, and returns the present time.
fn ask_to_end(running: &RunningProcess) -> Instant {
    // It may have ended already.
    let _ = Pid::from_raw(running.pid()).map(|pid| kill_process(pid, Signal::INT));
    Instant::now()
}
