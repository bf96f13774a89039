//! Minimisation of a corpus: warm processes of the server run all inputs, and the smallest ones that together reach the same
//! edges equally often are kept. This is afl-cmin's work, without a process for each input and without files.

use std::sync::{Mutex, PoisonError};

use anyhow::Result;

use crate::server::coverage_set::{CoverageSet, NewCoverage, pairs};
use crate::server::loop_run::InputEnd;
use crate::server::minimal_set::MinimalSet;
use crate::server::single_run::RunConfig;

/// Result of a minimisation. Inputs are given by their indices, in ascending order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MinimisedCorpus {
    /// Inputs that are needed.
    pub kept: Vec<usize>,
    /// Inputs that end or hang the server. What they reach is not considered.
    pub failed: Vec<usize>,
    /// What the inputs reach beyond what the others have reached.
    pub new: NewCoverage,
    /// All that is reached.
    pub coverage: CoverageSet,
}

/// What the copies of the server share.
struct Progress {
    set: MinimalSet,
    new: NewCoverage,
    coverage: CoverageSet,
    failed: Vec<usize>,
}

impl RunConfig<'_> {
    /// Minimises a corpus, by `jobs` copies of the server. What the inputs `before` reach need not be reached again. `on_input`
    /// is called after each input.
    ///
    /// # Errors
    /// When the server does not run in the loop, or the user interrupts.
    pub fn minimise(
        &self,
        before: &[&[u8]],
        inputs: &[&[u8]],
        jobs: usize,
        on_input: &(dyn Fn() + Sync),
    ) -> Result<MinimisedCorpus> {
        let mut order: Vec<usize> = (0..inputs.len()).collect();
        // The sort is stable: the first of equally long inputs is preferred.
        order.sort_by_key(|index| inputs[*index].len());
        let sorted: Vec<&[u8]> = order.iter().map(|index| inputs[*index]).collect();

        let mut pool = self.start_loops(jobs.min(before.len().max(inputs.len())))?;
        let base = Mutex::new(CoverageSet::default());
        pool.run_all(before, &|_, end, counts| {
            if end == InputEnd::Answered {
                base.lock().unwrap_or_else(PoisonError::into_inner).add(counts);
            }
            on_input();
        })?;
        let coverage = base.into_inner().unwrap_or_else(PoisonError::into_inner);
        let set = MinimalSet::new(coverage.clone());
        let progress = Progress { set, new: NewCoverage::default(), coverage, failed: Vec::new() };
        let progress = Mutex::new(progress);
        pool.run_all(&sorted, &|rank, end, counts| {
            let reached: Vec<u32> = pairs(counts).collect();
            let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
            match end {
                InputEnd::Answered => {
                    let new = progress.coverage.add(counts);
                    progress.new.edges += new.edges;
                    progress.new.features += new.features;
                    progress.set.add(u32::try_from(rank).unwrap_or(u32::MAX), reached);
                }
                InputEnd::Ended(_) | InputEnd::TimedOut => progress.failed.push(order[rank]),
            }
            drop(progress);
            on_input();
        })?;
        let Progress { set, new, coverage, mut failed } =
            progress.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut kept: Vec<usize> = set.chosen().into_iter().map(|rank| order[rank as usize]).collect();
        kept.sort_unstable();
        failed.sort_unstable();
        Ok(MinimisedCorpus { kept, failed, new, coverage })
    }
}
