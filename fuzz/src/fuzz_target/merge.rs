//! Merge of corpora: what the inputs of others reach and those of the first one do not is added to the first one, by the
//! shortest inputs. One process of the server plays all of them. No file is changed or removed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::fuzz_target::target_server::TargetServer;
use crate::fuzz_target::unit;
use crate::server::coverage_set::NewCoverage;
use crate::util::problem::Problem;

/// Result of a merge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MergeSum {
    /// Inputs of the first corpus.
    pub initial: usize,
    /// Inputs of the others.
    pub offered: usize,
    /// Inputs that were added.
    pub added: usize,
    /// Inputs that end or hang the server, which were left out.
    pub failed: usize,
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
    let initial = unit::read(&[first.to_owned()])?;
    let offered = unit::read(others)?;
    eprintln!(
        "MERGE-OUTER: {} files, {} in the initial corpus",
        initial.len() + offered.len(),
        initial.len()
    );
    let [before, inputs] =
        [&initial, &offered].map(|units| units.iter().map(|unit| &unit.bytes[..]).collect::<Vec<_>>());
    let merged = target.config(timeout).minimise(&before, &inputs, 1, &|| {})?;
    for index in &merged.kept {
        offered[*index].write_into(first).context("cannot add to the first corpus")?;
    }
    Ok(MergeSum {
        initial: initial.len(),
        offered: offered.len(),
        added: merged.kept.len(),
        failed: merged.failed.len(),
        new: merged.new,
        edges: merged.coverage.edges,
        features: merged.coverage.features,
    })
}
