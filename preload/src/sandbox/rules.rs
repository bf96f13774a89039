//! Rules of the process's own (landlock(7)): no write but below some paths, no signal to a process
//! that is not in the same sandbox.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, LandlockStatus, RestrictionStatus, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, Scope, path_beneath_rules,
};

/// The newest rules that are asked for; an older kernel applies those it knows.
const NEWEST_ABI: ABI = ABI::V9;

/// What the kernel's rules protect.
#[derive(Debug, Default)]
pub(super) struct EnforcedRules {
    /// The content of files.
    pub(super) files: bool,
    /// Processes outside from signals.
    pub(super) signals: bool,
}

pub(super) fn restrict(writable: &[PathBuf], devices: &[&Path]) -> EnforcedRules {
    let paths = writable.iter().map(PathBuf::as_path).chain(devices.iter().copied());
    match apply(paths).map(|status| status.landlock) {
        Ok(LandlockStatus::Available { effective_abi, .. }) => {
            EnforcedRules { files: true, signals: effective_abi >= ABI::V6 }
        }
        _ => EnforcedRules::default(),
    }
}

/// A domain of this process's own, for a child of the forkserver: it may signal none of those that it shares the
/// sandbox with, the forkserver above all. Nothing where the kernel knows no such rule, which was said before.
pub(super) fn isolate_from_siblings() {
    let _ = refuse_signals_to_others();
}

fn refuse_signals_to_others() -> Result<RestrictionStatus, RulesetError> {
    Ruleset::default()
        .scope(Scope::Signal)?
        // Any domain denies moves between directories, unless it allows them.
        .handle_access(AccessFs::Refer)?
        .create()?
        .log_same_exec(false)?
        .add_rules(path_beneath_rules(["/"], AccessFs::Refer))?
        .restrict_self()
}

fn apply<'a>(writable: impl Iterator<Item = &'a Path>) -> Result<RestrictionStatus, RulesetError> {
    let writing = AccessFs::from_write(NEWEST_ABI);
    Ruleset::default()
        .handle_access(writing)?
        .scope(Scope::from_all(NEWEST_ABI))?
        .create()?
        // Denials are what is expected here: no line in the machine's audit log for each.
        .log_same_exec(false)?
        .add_rules(path_beneath_rules(writable, writing))?
        .restrict_self()
}
