//! Groups of witnesses with the same cause, and the reduction of the shortest one.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::cause::Cause;
use super::ddmin;
use super::witness::{Candidate, Witness};
use crate::server::loop_run::ProcessRunner;

/// Findings with the same cause.
#[derive(Debug)]
pub struct Group {
    /// Their cause.
    pub cause: Cause,
    /// The shortest witness.
    pub best: Witness,
    /// Number of findings.
    pub findings: usize,
    /// Whether the reduction has stopped at its time limit.
    pub is_reduction_cut: bool,
}

/// Puts a witness into the group of its cause.
pub fn add(groups: &mut Vec<Group>, witness: Witness) {
    let size = |witness: &Witness| (witness.inputs.len(), witness.inputs.iter().map(Vec::len).sum::<usize>());
    match groups.iter_mut().find(|group| group.cause == witness.cause) {
        Some(group) => {
            group.findings += 1;
            if size(&witness) < size(&group.best) {
                group.best = witness;
            }
        }
        None => groups.push(Group {
            cause: witness.cause.clone(),
            best: witness,
            findings: 1,
            is_reduction_cut: false,
        }),
    }
}

impl Group {
    /// Leaves out inputs of the best witness that its cause does not need, for at most `limit`.
    ///
    /// # Errors
    /// When the server cannot be started in the loop, or the user interrupts.
    pub fn reduce(&mut self, runner: &mut ProcessRunner<'_>, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        let holds = |inputs: &[Vec<u8>]| {
            let candidate = Candidate { path: self.best.path.clone(), inputs: inputs.to_vec() };
            Ok(candidate.play(runner)?.is_some_and(|witness| witness.cause == self.cause))
        };
        let is_over = || Instant::now() >= deadline;
        let inputs = ddmin::minimize(self.best.inputs.clone(), holds, is_over)?;
        self.is_reduction_cut = is_over();
        let reduced = Candidate { path: self.best.path.clone(), inputs }.play(runner)?;
        // A bug that depends on the order of threads may not happen again.
        if let Some(reduced) = reduced.filter(|reduced| reduced.cause == self.cause) {
            self.best = reduced;
        }
        Ok(())
    }
}
