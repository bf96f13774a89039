//! Merge of corpora: what the inputs of others reach and those of the first one do not is added to the first one, by the
//! shortest inputs. One process of the server plays all of them. No file is changed or removed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::fuzz_target::coverage_set::NewCoverage;
use crate::fuzz_target::target_loop::TargetLoop;
use crate::fuzz_target::target_server::TargetServer;
use crate::fuzz_target::unit::{self, Unit};
use crate::server::loop_run::InputEnd;
use crate::util::problem::Problem;

/// Result of a merge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MergeSum {
    /// Inputs of the first corpus.
    pub initial: usize,
    /// Inputs of the others.
    pub offered: usize,
    /// Inputs that were added.
    pub added: u64,
    /// Inputs that end or hang the server, which were left out.
    pub failed: u64,
    /// What the added ones reach.
    pub new: NewCoverage,
    /// Edges that the merged corpus reaches.
    pub edges: u64,
    /// Their pairs with classes of counts.
    pub features: u64,
}

/// Merges the other corpora into the first one.
///
/// # Errors
/// A corpus that cannot be read or written, or a server that cannot be used.
pub fn merge(target: &TargetServer, first: &Path, others: &[PathBuf], timeout: Duration) -> Result<MergeSum> {
    if !first.is_dir() {
        let what = format!("{} is no directory", first.display());
        return Err(Problem::failed(what, "give the directory to merge into first; it may be empty").into());
    }
    let initial = by_size(unit::read(&[first.to_owned()])?);
    let offered = by_size(unit::read(others)?);
    eprintln!(
        "MERGE-OUTER: {} files, {} in the initial corpus",
        initial.len() + offered.len(),
        initial.len()
    );
    let mut run = TargetLoop::start(target, timeout)?;
    let mut sum = MergeSum { initial: initial.len(), offered: offered.len(), ..MergeSum::default() };
    for unit in &initial {
        run.run(&unit.bytes)?;
    }
    for unit in &offered {
        let (end, new) = run.run(&unit.bytes)?;
        sum.failed += u64::from(end != InputEnd::Answered);
        if new.features > 0 {
            unit.write_into(first).context("cannot add to the first corpus")?;
            sum.added += 1;
            sum.new.edges += new.edges;
            sum.new.features += new.features;
        }
    }
    (sum.edges, sum.features) = (run.coverage.edges, run.coverage.features);
    Ok(sum)
}

/// The shortest first, and the order of equal lengths does not depend on the file system.
fn by_size(mut units: Vec<Unit>) -> Vec<Unit> {
    units.sort_by(|one, other| (one.bytes.len(), &one.sha1).cmp(&(other.bytes.len(), &other.sha1)));
    units
}
