//! Groups of witnesses with the same cause in the loop.

use std::path::PathBuf;

use super::cause::Cause;
use super::witness::Witness;

/// Findings with the same cause.
#[derive(Debug)]
pub struct Group {
    /// Their cause.
    pub cause: Cause,
    /// The shortest witness.
    pub best: Witness,
    /// Their files.
    pub files: Vec<PathBuf>,
}

/// Puts a witness into the group of its cause.
pub fn add(groups: &mut Vec<Group>, witness: Witness) {
    let size = |witness: &Witness| (witness.inputs.len(), witness.inputs.iter().map(Vec::len).sum::<usize>());
    match groups.iter_mut().find(|group| group.cause == witness.end.cause) {
        Some(group) => {
            group.files.extend_from_slice(&witness.paths);
            if size(&witness) < size(&group.best) {
                group.best = witness;
            }
        }
        None => groups.push(Group {
            cause: witness.end.cause.clone(),
            files: witness.paths.clone(),
            best: witness,
        }),
    }
}

impl Group {
    /// Returns the cause as a campaign has recorded it, without the server's output.
    #[must_use]
    pub fn recorded_cause(&self) -> Option<Cause> {
        Cause::of_finding(&self.best.end.finding)
    }

    /// Whether its processes did not answer in time.
    #[must_use]
    pub const fn is_hang(&self) -> bool {
        matches!(self.cause, Cause::Hang(_))
    }
}
