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

/// Sorts groups by the size of their witnesses: of several groups that turn out to be one bug, the first one shows it.
pub fn sort(groups: &mut [Group]) {
    groups.sort_by(|a, b| size(&a.best).cmp(&size(&b.best)).then_with(|| a.cause.cmp(&b.cause)));
}

/// Number of inputs, and their length.
fn size(witness: &Witness) -> (usize, usize) {
    (witness.inputs.len(), witness.inputs.iter().map(Vec::len).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triage::witness::WitnessEnd;

    #[test]
    fn a_small_witness_comes_before_a_large_one() {
        let witness = |cause: &str, inputs: &[&[u8]]| Witness {
            paths: vec![cause.into()],
            source: cause.into(),
            inputs: inputs.iter().map(|input| input.to_vec()).collect(),
            end: WitnessEnd {
                cause: Cause::Crash(cause.to_owned()),
                finding: String::new(),
                ran: inputs.len(),
                port: 0,
                output: Vec::new(),
            },
        };
        let mut groups = Vec::new();
        for witness in [witness("a", &[b"x", b"y"]), witness("b", &[b"long"]), witness("c", &[b"short"])] {
            add(&mut groups, witness);
        }
        add(&mut groups, witness("c", &[b"s"]));
        sort(&mut groups);
        let causes: Vec<_> = groups.iter().map(|group| group.cause.to_string()).collect();
        assert_eq!(causes, ["crash at c", "crash at b", "crash at a"]);
        assert_eq!(groups[0].files.len(), 2);
    }
}
