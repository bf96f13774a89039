//! Jobs in the loop: to play a finding, or to leave inputs out of a witness. A process runs them one after the other, and
//! several processes run them side by side.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::reduction;
use super::witness::{Candidate, WitnessEnd};
use crate::server::loop_run::ProcessRunner;

/// Work for one process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Job {
    /// Plays the inputs in the first of these files that end the process.
    Play(Vec<PathBuf>),
    /// Leaves out inputs that are not needed to end the process so.
    Reduce {
        /// File with the inputs.
        source: PathBuf,
        /// How they end the process.
        end: WitnessEnd,
        /// Time limit.
        limit: Duration,
    },
}

/// Result of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum JobResult {
    /// Index of the file whose inputs end the process, and how.
    Played(Option<(usize, WitnessEnd)>),
    /// The needed inputs, and how they end the process; `None` if it does not happen again.
    Reduced(Option<(Vec<Vec<u8>>, WitnessEnd)>),
}

impl Job {
    /// Does the work.
    ///
    /// # Errors
    /// When a file cannot be read, the server cannot be started in the loop, or the user interrupts.
    pub(super) fn run(&self, runner: &mut ProcessRunner<'_>) -> Result<JobResult> {
        match self {
            Self::Play(files) => {
                for (index, file) in files.iter().enumerate() {
                    if let Some(end) = WitnessEnd::of(&Candidate::read(file)?, runner)? {
                        return Ok(JobResult::Played(Some((index, end))));
                    }
                }
                Ok(JobResult::Played(None))
            }
            Self::Reduce { source, end, limit } => {
                let mut inputs = Candidate::read(source)?;
                inputs.truncate(end.ran);
                Ok(JobResult::Reduced(needed_inputs(runner, inputs, end, Instant::now() + *limit)?))
            }
        }
    }
}

/// Leaves out inputs that are not needed to end the process so, until the deadline. Returns `None` if it does not happen
/// again.
///
/// # Errors
/// When the server cannot be started in the loop, or the user interrupts.
pub(super) fn needed_inputs(
    runner: &mut ProcessRunner<'_>,
    inputs: Vec<Vec<u8>>,
    end: &WitnessEnd,
    deadline: Instant,
) -> Result<Option<(Vec<Vec<u8>>, WitnessEnd)>> {
    let fails = |inputs: &[Vec<u8>]| Ok(ends_so(runner, inputs, end)?.is_some());
    let inputs = reduction::needed_inputs(inputs, deadline, fails)?;
    // A bug that depends on the order of threads may not happen again.
    Ok(ends_so(runner, &inputs, end)?.map(|end| (inputs, end)))
}

/// Plays inputs; `None` unless they end the process in the same way.
///
/// # Errors
/// When the server cannot be started in the loop, or the user interrupts.
pub(super) fn ends_so(
    runner: &mut ProcessRunner<'_>,
    inputs: &[Vec<u8>],
    end: &WitnessEnd,
) -> Result<Option<WitnessEnd>> {
    Ok(WitnessEnd::of(inputs, runner)?.filter(|played| played.cause.is_same(&end.cause)))
}
