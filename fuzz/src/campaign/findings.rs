//! Findings of a campaign: the directories in which afl-fuzz and sockfuzz save inputs that crash or hang
//! the server, or that it answers wrongly.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Result;
use sockfuzz_protocol::EXIT_SIGNAL;
use sockfuzz_protocol::history::{PLACES_FILE, PlaceLine};

use super::output_dir::{FLEET_DIRECTORY, HISTORIES_DIRECTORY};
use super::record::CampaignRecord;
use crate::input::corpus;
use crate::server::diagnose::signal_name;
use crate::server::single_run::FindingKind;
use crate::util::problem::Problem;

/// Name of the directory of an instance's queue.
const QUEUE: &str = "queue";

/// Returns the name of the directory for findings of this kind.
#[must_use]
pub const fn directory_of(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::Crash => "crashes",
        FindingKind::Hang => "hangs",
        FindingKind::WrongAnswer => "wrong-answers",
    }
}

/// Returns the kind of the finding in this file, or `None` if the file is another input.
#[must_use]
pub fn kind_of(file: &Path) -> Option<FindingKind> {
    kind_of_directory(file.parent()?)
}

/// Returns the kind of the findings in a directory. When resumed, afl-fuzz renames the directory, for example to
/// `crashes.2026-11-28-21:36:49`.
fn kind_of_directory(directory: &Path) -> Option<FindingKind> {
    let name = directory.file_name()?.to_str()?.split('.').next()?;
    FindingKind::ALL.into_iter().find(|kind| directory_of(*kind) == name)
}

/// Describes the findings of a campaign by their causes, such as `SIGABRT (signal 6) 3, hang 1`. Empty if there are none.
#[must_use]
pub fn causes(out: &Path) -> String {
    let mut causes = BTreeMap::new();
    for file in files(out) {
        *causes.entry(cause(&file)).or_insert(0_u64) += 1;
    }
    let causes: Vec<_> = causes.into_iter().map(|(cause, count)| format!("{cause} {count}")).collect();
    causes.join(", ")
}

/// Returns the value after `key` in the name that afl-fuzz has given to a file
/// (`id:000003,sig:06,src:000009,time:1080,execs:30903,…`).
#[must_use]
pub fn value_in_name<Value: FromStr>(file: &Path, key: &str) -> Option<Value> {
    let name = file.file_name()?.to_string_lossy();
    name.split(',').find_map(|part| part.strip_prefix(key)?.parse().ok())
}

/// Returns the cause of a finding, from the name that afl-fuzz has given to its file (`id:000000,sig:06,…`).
#[must_use]
pub fn cause(file: &Path) -> String {
    if let Some(fault) = value_in_name::<String>(file, "fault:") {
        let status: u16 = value_in_name(file, "status:").unwrap_or_default();
        return format!("answer {status} ({fault})");
    }
    match value_in_name(file, "sig:") {
        Some(signal) if signal == EXIT_SIGNAL => "exit".to_owned(),
        Some(signal) => signal_name(signal),
        None => "hang".to_owned(),
    }
}

/// Replaces each output directory, and each directory of an instance, by its directories of findings.
///
/// # Errors
/// A campaign that has found nothing.
pub fn expand(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut expanded = Vec::new();
    for path in paths {
        let found = if !path.is_dir() {
            None
        } else if CampaignRecord::read(path)?.is_some() {
            Some(of_campaign(path))
        } else if path.join(QUEUE).is_dir() {
            Some(of_instance(path))
        } else {
            None
        };
        match found {
            None => expanded.push(path.clone()),
            Some(found) if found.is_empty() => return Err(nothing_found(path).into()),
            Some(found) => expanded.extend(found),
        }
    }
    Ok(expanded)
}

/// Returns all directories of a campaign that hold findings.
#[must_use]
pub fn of_campaign(out: &Path) -> Vec<PathBuf> {
    subdirectories(out).iter().flat_map(|instance| of_instance(instance)).collect()
}

/// Returns the files of all findings of a campaign, sorted within their directories.
#[must_use]
pub fn files(out: &Path) -> Vec<PathBuf> {
    let directories = of_campaign(out);
    directories.iter().flat_map(|directory| corpus::files_below(directory).unwrap_or_default()).collect()
}

fn of_instance(instance: &Path) -> Vec<PathBuf> {
    let holds_findings = |path: &PathBuf| kind_of_directory(path).is_some() && corpus::read(path).is_ok();
    subdirectories(instance).into_iter().filter(holds_findings).collect()
}

/// Returns what identifies the file of a finding in an output directory: when the campaign is resumed, afl-fuzz renames the
/// directory between instance and file, and the file's name, which has the time, stays.
#[must_use]
pub fn identity(out: &Path, file: &Path) -> Option<String> {
    let instance = file.strip_prefix(out).unwrap_or(file).components().next()?.as_os_str();
    Some(format!("{}/{}", instance.to_string_lossy(), file.file_name()?.to_string_lossy()))
}

/// Returns the queues of all instances of a campaign, without inputs of other machines that no instance has taken over.
///
/// # Errors
/// When there is none.
pub fn queues(out: &Path) -> Result<Vec<PathBuf>, Problem> {
    let instances = subdirectories(out).into_iter().filter(|path| !path.ends_with(FLEET_DIRECTORY));
    let queues = instances.map(|instance| instance.join(QUEUE));
    let queues: Vec<_> = queues.filter(|queue| queue.is_dir()).collect();
    match queues.is_empty() {
        true => Err(Problem::failed(
            format!("{} has no queue: it is no output directory of a campaign", out.display()),
            "give the directory that sockfuzz fuzz or afl-fuzz wrote with -o",
        )),
        false => Ok(queues),
    }
}

/// Returns the histories of all instances of a campaign.
#[must_use]
pub fn histories(out: &Path) -> Vec<PathBuf> {
    let directories = subdirectories(&out.join(HISTORIES_DIRECTORY));
    let entries = directories.iter().filter_map(|directory| fs::read_dir(directory).ok()).flatten().flatten();
    let is_complete =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"id:"));
    let mut files: Vec<_> = entries.map(|entry| entry.path()).filter(is_complete).collect();
    files.sort();
    files
}

/// Returns how each input that ended a process of the campaign has done so, keyed by the hash of the input.
#[must_use]
pub fn places(out: &Path) -> HashMap<u64, String> {
    let directories = subdirectories(&out.join(HISTORIES_DIRECTORY));
    let files =
        directories.iter().filter_map(|directory| fs::read_to_string(directory.join(PLACES_FILE)).ok());
    let lines = files.flat_map(|text| text.lines().filter_map(PlaceLine::parse).collect::<Vec<_>>());
    lines.map(|line| (line.input, line.finding)).collect()
}

/// Returns the subdirectories, sorted by name.
fn subdirectories(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    found.sort();
    found
}

fn nothing_found(path: &Path) -> Problem {
    Problem::failed(
        format!("{} holds no crashes, hangs or wrong answers", path.display()),
        "continue the campaign, or give the files to replay",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(out: &Path, name: &str) {
        let path = out.join(name);
        fs::create_dir_all(path.parent().expect("in out")).expect("mkdir");
        fs::write(path, "x").expect("write");
    }

    #[test]
    fn findings_of_all_instances_and_resumptions_belong_to_the_campaign() {
        let directory = tempfile::tempdir().expect("tempdir");
        let out = directory.path();
        for name in [
            "main/crashes/README.txt",
            "main/crashes.2026-11-28-21:36:49/id:000000",
            "main/queue/id:000000",
            "s1/hangs/id:000000",
            "sockfuzz-seeds/crashes/a",
        ] {
            write(out, name);
        }
        fs::write(out.join("sockfuzz.target"), "/bin/true\n").expect("write");
        let all = expand(&[out.to_owned()]).expect("some");
        let expected = ["main/crashes.2026-11-28-21:36:49", "s1/hangs", "sockfuzz-seeds/crashes"]
            .map(|name| out.join(name));
        assert_eq!(all, expected);
        assert_eq!(expand(&[out.join("main")]).expect("some"), expected[..1]);
        assert_eq!(kind_of(&expected[0].join("id:000000")), Some(FindingKind::Crash));
        assert_eq!(kind_of(&expected[1].join("id:000000")), Some(FindingKind::Hang));
    }

    #[test]
    fn causes_are_those_of_the_files() {
        let directory = tempfile::tempdir().expect("tempdir");
        let out = directory.path();
        for name in ["main/crashes/id:000000,sig:11", "main/crashes/id:000001,sig:11", "s1/hangs/id:000000"] {
            write(out, name);
        }
        assert_eq!(causes(out), "SIGSEGV (signal 11) 2, hang 1");
    }

    #[test]
    fn other_paths_are_kept() {
        let directory = tempfile::tempdir().expect("tempdir");
        write(directory.path(), "corpus/a");
        let paths = [directory.path().join("corpus"), directory.path().join("corpus/a")];
        assert_eq!(expand(&paths).expect("unchanged"), paths);
    }

    #[test]
    fn a_campaign_without_findings_is_refused() {
        let directory = tempfile::tempdir().expect("tempdir");
        fs::write(directory.path().join("sockfuzz.target"), "/bin/true\n").expect("write");
        let error = expand(&[directory.path().to_owned()]).expect_err("none");
        assert!(error.to_string().contains("no crashes, hangs or wrong answers"), "{error}");
    }
}
