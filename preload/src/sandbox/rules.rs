//! Landlock rules (landlock(7)): writes only below given paths, and no signals to processes outside of
//! the sandbox.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, LandlockStatus, RestrictionStatus, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, Scope, path_beneath_rules,
};

/// Newest version of the rules that is requested. An older kernel applies those that it supports.
const NEWEST_ABI: ABI = ABI::V9;

/// Protection that the kernel's rules provide.
#[derive(Debug, Default)]
pub(super) struct EnforcedRules {
    /// Whether the content of files is protected.
    pub(super) files: bool,
    /// Whether processes outside are protected from signals.
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

/// Moves this process, a child of the forkserver, into a domain of its own. So it cannot signal other processes in the
/// sandbox, above all the forkserver. Has no effect on a kernel without such rules, a gap that is already reported.
pub(super) fn isolate_from_siblings() {
    let _ = refuse_signals_to_others();
}

fn refuse_signals_to_others() -> Result<RestrictionStatus, RulesetError> {
    Ruleset::default()
        .scope(Scope::Signal)?
        // Every domain denies moves between directories unless a rule allows them.
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
        // Denials are expected here, and must not fill the machine's audit log.
        .log_same_exec(false)?
        .add_rules(path_beneath_rules(writable, writing))?
        .restrict_self()
}
