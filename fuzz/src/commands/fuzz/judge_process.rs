//! Process that judges the answers of a campaign, beside it and then to the end.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use signal_hook::consts::SIGINT;

use super::arguments::FuzzArguments;
use super::follow_up;
use crate::campaign::judging;
use crate::campaign::runner::CampaignEnd;
use crate::server::running::RunningProcess;
use crate::util::{exit_code, problem::Problem};

/// Subcommand of the process.
const SUBCOMMAND: &str = "judge";

/// Name of the log of the process beside the campaign, whose output would destroy the screen of afl-fuzz.
const LOG: &str = "log";

/// Exit status of a process that the user has interrupted.
const INTERRUPTED: i32 = exit_code::SIGNAL_BASE as i32 + SIGINT;

/// Judge of a campaign, which may have nothing to do.
#[derive(Debug)]
pub(super) struct JudgeProcess {
    out: PathBuf,
    limit: Option<Duration>,
    process: Option<RunningProcess>,
}

impl JudgeProcess {
    /// Starts the process, if answers are to be judged.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn start(arguments: &FuzzArguments, out: &Path, library: &Path) -> Result<Self> {
        let (out, limit) = (out.to_owned(), arguments.triage_time);
        if arguments.findings.is_empty() {
            return Ok(Self { out, limit, process: None });
        }
        let directory = out.join(judging::DIRECTORY);
        let create = || fs::create_dir_all(&directory).and_then(|()| File::create(directory.join(LOG)));
        let log = create().with_context(|| format!("cannot write into {}", directory.display()))?;
        let mut command = Command::new(env::current_exe().context("cannot find the program of sockfuzz")?);
        command.args([SUBCOMMAND, "--watch", "--preload"]).args([library, &out]);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Ok(Self { process: Some(RunningProcess::start(command)?), out, limit })
    }

    /// Judges what the process beside the campaign had not come to. The end of the campaign has ended it, too.
    ///
    /// # Errors
    /// When the process cannot be started, or fails: wrong answers would be missing without a word.
    pub(super) fn judge_rest(self, end: CampaignEnd) -> Result<CampaignEnd> {
        if self.process.is_some() {
            drop(self.process);
            let ended = follow_up::run(SUBCOMMAND, &[], &self.out, self.limit)?;
            if ended.is_some_and(|status| !status.success() && status.code() != Some(INTERRUPTED)) {
                let remedy = "remove the cause, which is above, and give the same command again";
                return Err(Problem::failed("not all answers of the campaign could be judged", remedy).into());
            }
        }
        Ok(end)
    }
}
