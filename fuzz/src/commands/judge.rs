//! `sockfuzz judge`: judges the answers to the inputs of a campaign, beside it or after it. `sockfuzz fuzz` starts it: a
//! process of sockfuzz kills all its descendants when a server ends, so this one must not be the one that runs afl-fuzz.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use clap::Args;

use crate::campaign::judging::{JudgeCounts, QueueJudge};
use crate::campaign::record::CampaignRecord;
use crate::note;
use crate::options::PreloadOptions;
use crate::sandbox::Sandbox;
use crate::server::single_run::RunConfig;
use crate::util::printable::counted;
use crate::util::{exit_code, interrupt, preload};

/// Interval between two looks at the queues.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// Time limit of one input. It is the default of `sockfuzz triage`.
const TIMEOUT: Duration = Duration::from_secs(2);

/// What the niceness of a process beside a campaign grows by.
const NICENESS: i32 = 10;

/// Arguments of `judge`.
#[derive(Debug, Args)]
pub struct JudgeArguments {
    /// Output directory of a campaign
    #[arg(value_name = "OUT")]
    pub out: PathBuf,
    /// Judge new inputs until the end of this process
    #[arg(long)]
    pub watch: bool,
    /// The preload library
    #[arg(long, value_name = "FILE")]
    pub preload: Option<PathBuf>,
}

/// Judges the answers.
///
/// # Errors
/// A directory of no campaign, or a server that cannot be used.
pub fn run(arguments: &JudgeArguments) -> Result<u8> {
    let out = std::path::absolute(&arguments.out)?;
    let record = CampaignRecord::require(&out)?;
    let server = record.server()?;
    let options = record.options_below(&PreloadOptions::default())?.with_crashes_of_the_loop();
    let library = preload::locate(arguments.preload.as_deref())?;
    record.enter_directory()?;
    let sandbox = Sandbox::prepare(&options, &library)?;
    let config =
        RunConfig { server: &server, library: &library, options: sandbox.options(), timeout: TIMEOUT };
    let Some(mut judge) = QueueJudge::open(&out, config)? else { return Ok(exit_code::OK) };
    if arguments.watch {
        // The judge works as well, only later, at any priority.
        let _ = rustix::process::nice(NICENESS);
        loop {
            interrupt::check()?;
            judge.judge_new()?;
            thread::sleep(LOOK_INTERVAL);
        }
    }
    judge.judge_new()?;
    report(judge.counts());
    Ok(exit_code::OK)
}

fn report(counts: JudgeCounts) {
    let JudgeCounts { inputs, saved, unconfirmed } = counts;
    let inputs = counted(inputs, "further input", "further inputs");
    note!("answers to {inputs} judged: {}", counted(saved, "new wrong answer", "new wrong answers"));
    if unconfirmed > 0 {
        let faults = counted(unconfirmed, "kind of wrong answer", "kinds of wrong answers");
        note!(
            "{faults} only under sockfuzz, not of the plain server (the sandbox may be the reason), and not counted"
        );
    }
}
