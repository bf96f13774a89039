//! Inputs that afl-fuzz saved for their verdicts, with what their names tell (`id:000000,sig:06,src:…,time:267,…`).

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use super::bugs::ReportedBug;
use super::text::visible;
use crate::campaign::findings;
use crate::server::single_run::FindingKind;
use crate::triage;
use crate::triage::earlier_findings::EarlierFindings;

/// Input that was saved as a crash, a hang or a wrong answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SavedFile {
    /// Path, relative to the output directory.
    pub path: String,
    /// Name of the instance, or of the directory of seeds that crash or hang the server.
    pub instance: String,
    /// `crash`, `hang` or `wrong-answer`.
    pub kind: SavedKind,
    /// Cause in the name of the file, such as `SIGABRT (signal 6)`.
    pub cause: String,
    /// Fuzzing time at which it was saved, in milliseconds.
    pub time_ms: Option<u64>,
    /// Executions of the instance at that time.
    pub executions: Option<u64>,
    /// Whether it was there when the campaign was last started.
    pub is_known: bool,
    /// What triage made of it.
    pub triage: FileTriage,
}

/// What triage made of a saved input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FileTriage {
    /// It is one of a bug's files.
    OfBug,
    /// It did not happen again.
    NotReproduced,
    /// Triage has not come to it.
    Pending,
}

/// Kind of a saved input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SavedKind {
    /// It ended the server.
    Crash,
    /// It exceeded the time limit.
    Hang,
    /// The server answered as a rule forbids.
    #[serde(rename = "wrong-answer")]
    WrongAnswer,
}

/// Returns the saved inputs of all instances and earlier resumptions, sorted by time. Those without one are last.
#[must_use]
pub fn read_all(out: &Path, earlier: &EarlierFindings, bugs: &[ReportedBug]) -> Vec<SavedFile> {
    let identities = |files: &mut dyn Iterator<Item = &Path>| -> HashSet<_> {
        files.filter_map(|file| findings::identity(out, file)).collect()
    };
    let of_bugs = identities(&mut bugs.iter().flat_map(|bug| &bug.files).map(Path::new));
    let not_reproduced = triage::bugs::not_reproduced(out);
    let not_reproduced = identities(&mut not_reproduced.iter().map(PathBuf::as_path));
    let triage_of = |file: &Path| match findings::identity(out, file) {
        Some(identity) if of_bugs.contains(&identity) => FileTriage::OfBug,
        Some(identity) if not_reproduced.contains(&identity) => FileTriage::NotReproduced,
        _ => FileTriage::Pending,
    };
    let files = findings::files(out);
    let described = files.iter().filter_map(|file| describe(out, file, earlier, triage_of(file)));
    let mut all: Vec<_> = described.collect();
    all.sort_by_key(|file| (file.time_ms.is_none(), file.time_ms));
    all
}

fn describe(out: &Path, file: &Path, earlier: &EarlierFindings, triage: FileTriage) -> Option<SavedFile> {
    let path = file.strip_prefix(out).ok()?;
    Some(SavedFile {
        path: visible(path.as_os_str().as_encoded_bytes()),
        instance: visible(path.components().next()?.as_os_str().as_encoded_bytes()),
        kind: match findings::kind_of(file)? {
            FindingKind::Crash => SavedKind::Crash,
            FindingKind::Hang => SavedKind::Hang,
            FindingKind::WrongAnswer => SavedKind::WrongAnswer,
        },
        cause: findings::cause(file),
        time_ms: findings::value_in_name(file, "time:"),
        executions: findings::value_in_name(file, "execs:"),
        is_known: earlier.has_file(out, file),
        triage,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn names_tell_time_and_cause() {
        let directory = tempfile::tempdir().expect("tempdir");
        let out = directory.path();
        for name in [
            "main/crashes/id:000000,sig:11,src:000001,time:900,execs:70,op:havoc",
            "main/crashes.2026-11-28-21:36:49/id:000000,sig:06,src:000001,time:20,execs:5,op:havoc",
            "s1/hangs/odd\x1b]0;name",
        ] {
            let path = out.join(name);
            fs::create_dir_all(path.parent().expect("in out")).expect("mkdir");
            fs::write(path, "x").expect("write");
        }
        let all = read_all(out, &EarlierFindings::default(), &[]);
        let seen: Vec<_> = all.iter().map(|it| (it.kind, it.time_ms, it.executions)).collect();
        assert_eq!(
            seen,
            [
                (SavedKind::Crash, Some(20), Some(5)),
                (SavedKind::Crash, Some(900), Some(70)),
                (SavedKind::Hang, None, None)
            ]
        );
        assert_eq!(all[1].cause, "SIGSEGV (signal 11)");
        assert_eq!(all[2].path, "s1/hangs/odd\\x1b]0;name");
    }
}
