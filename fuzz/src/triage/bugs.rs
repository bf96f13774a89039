//! Bugs of a campaign that are known, from this triage and from earlier ones. Folders are only added; of an existing one,
//! only the record changes, when the campaign has found the same bug again.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sockfuzz_protocol::history::PlaceLine;

use super::cause::Cause;
use super::finding::{DIRECTORY, Finding};
use super::group::Group;
use crate::campaign::{findings, judging};

/// Name of the file with the findings that did not happen again, one path per line.
const NOT_REPRODUCED_FILE: &str = "not-reproduced.txt";

/// Known bugs of a campaign.
#[derive(Debug)]
pub struct KnownBugs {
    out: PathBuf,
    bugs: Vec<(PathBuf, Finding)>,
    not_reproduced: BTreeSet<PathBuf>,
}

impl KnownBugs {
    /// Reads the bugs of earlier triages in this output directory.
    ///
    /// # Errors
    /// When a record cannot be read.
    pub fn read(out: &Path) -> Result<Self> {
        let bugs = Finding::of_campaign(out)?;
        Ok(Self { out: out.to_owned(), bugs, not_reproduced: not_reproduced(out) })
    }

    /// Returns the directory of the bugs' folders.
    #[must_use]
    pub fn directory(&self) -> PathBuf {
        self.out.join(DIRECTORY)
    }

    /// Returns the number of bugs.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.bugs.len()
    }

    /// Returns the folders of all bugs with their records.
    pub fn bugs(&self) -> impl Iterator<Item = (&Path, &Finding)> {
        self.bugs.iter().map(|(folder, bug)| (folder.as_path(), bug))
    }

    /// Returns the folders of all bugs with their records, to be changed and written.
    pub fn bugs_mut(&mut self) -> impl Iterator<Item = (&Path, &mut Finding)> {
        self.bugs.iter_mut().map(|(folder, bug)| (folder.as_path(), bug))
    }

    /// Whether the campaign has recorded for this input that it ended a process in the same way as a known bug, or has the
    /// fault of a known wrong answer.
    #[must_use]
    pub fn has_place_of(&self, file: &Path) -> bool {
        let cause = || {
            let input = PlaceLine::new(&fs::read(file).ok()?, "").input;
            Cause::of_finding(findings::places(&self.out).get(&input)?)
        };
        let key = findings::value_in_name::<String>(file, judging::KEY);
        if key.is_some_and(|key| self.bugs.iter().any(|(_, bug)| bug.key == key)) {
            return true;
        }
        !self.bugs.is_empty() && cause().is_some_and(|cause| self.has_cause(&cause))
    }

    /// Whether an earlier triage has dealt with a file of the campaign.
    #[must_use]
    pub fn has_file(&self, file: &Path) -> bool {
        let file = self.relative(file);
        let mut known = self.bugs.iter().flat_map(|(_, bug)| &bug.files).chain(&self.not_reproduced);
        known.any(|other| is_same_file(other, &file))
    }

    /// Remembers files whose inputs did not happen again.
    ///
    /// # Errors
    /// When the list cannot be written.
    pub fn add_not_reproduced(&mut self, files: &[PathBuf]) -> Result<()> {
        let files: Vec<_> = files.iter().map(|file| self.relative(file)).collect();
        self.not_reproduced.extend(files);
        fs::create_dir_all(self.directory()).context("cannot create the directory of bugs")?;
        let list: String = self.not_reproduced.iter().map(|file| format!("{}\n", file.display())).collect();
        let path = self.directory().join(NOT_REPRODUCED_FILE);
        fs::write(&path, list).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Whether the loop ended in this way by a known bug.
    #[must_use]
    pub fn has_cause(&self, cause: &Cause) -> bool {
        let cause = cause.to_string();
        self.bugs.iter().any(|(_, bug)| bug.causes.contains(&cause))
    }

    /// Adds a group to the known bug that ended the loop in the same way. Returns whether there is one.
    ///
    /// # Errors
    /// When its record cannot be written.
    pub fn add_by_cause(&mut self, group: &Group) -> Result<bool> {
        self.add_files(&group.cause, &group.files)
    }

    /// Adds files to the known bug that ended the loop in this way. Returns whether there is one.
    ///
    /// # Errors
    /// When its record cannot be written.
    pub fn add_files(&mut self, cause: &Cause, files: &[PathBuf]) -> Result<bool> {
        let name = cause.to_string();
        self.add_to(cause, files, |bug| bug.causes.contains(&name))
    }

    /// Adds a group to the known bug with this key. Returns whether there is one.
    ///
    /// # Errors
    /// When its record cannot be written.
    pub fn add_by_key(&mut self, group: &Group, key: &str) -> Result<bool> {
        self.add_to(&group.cause, &group.files, |bug| bug.key == key)
    }

    fn add_to(&mut self, cause: &Cause, files: &[PathBuf], is_it: impl Fn(&Finding) -> bool) -> Result<bool> {
        let files: Vec<_> = files.iter().map(|file| self.relative(file)).collect();
        let Some((folder, bug)) = self.bugs.iter_mut().find(|(_, bug)| is_it(bug)) else { return Ok(false) };
        for file in files {
            match bug.files.iter_mut().find(|other| is_same_file(other, &file)) {
                Some(other) => *other = file,
                None => bug.files.push(file),
            }
        }
        bug.first_found_ms = first_found_ms(&bug.files);
        let cause = cause.to_string();
        if !bug.causes.contains(&cause) {
            bug.causes.push(cause);
        }
        bug.write(folder)?;
        Ok(true)
    }

    /// Returns the path of a new bug's folder.
    #[must_use]
    pub fn new_folder(&self, title: &str) -> PathBuf {
        let names = fs::read_dir(self.directory()).into_iter().flatten().flatten();
        let names = names.filter_map(|entry| entry.file_name().into_string().ok());
        let numbers = names.filter_map(|name| name.split('-').next()?.parse::<u32>().ok());
        let number = numbers.max().unwrap_or(0) + 1;
        self.directory().join(format!("{number:02}-{}", short_name(title)))
    }

    /// Adds a new bug, whose folder is written.
    pub fn add(&mut self, folder: PathBuf, bug: Finding) {
        self.bugs.push((folder, bug));
    }

    /// Returns files of a group, relative to the output directory, in the order in which they were found.
    #[must_use]
    pub fn files_of(&self, group: &Group) -> Vec<PathBuf> {
        let mut files: Vec<_> = group.files.iter().map(|file| self.relative(file)).collect();
        files.sort_by_key(|file| (time_ms(file).unwrap_or(u64::MAX), file.clone()));
        files
    }

    fn relative(&self, file: &Path) -> PathBuf {
        file.strip_prefix(&self.out).unwrap_or(file).to_owned()
    }
}

/// Returns the findings that did not happen again in earlier triages, relative to the output directory.
#[must_use]
pub fn not_reproduced(out: &Path) -> BTreeSet<PathBuf> {
    let list = fs::read_to_string(out.join(DIRECTORY).join(NOT_REPRODUCED_FILE)).unwrap_or_default();
    list.lines().map(PathBuf::from).collect()
}

/// Whether these paths below the output directory are of one finding.
fn is_same_file(one: &Path, other: &Path) -> bool {
    let identity = |file| findings::identity(Path::new(""), file);
    identity(one) == identity(other)
}

/// Returns the time of the first finding in milliseconds after the start of the campaign, as afl-fuzz has put it into the
/// names of its files.
#[must_use]
pub fn first_found_ms(files: &[PathBuf]) -> Option<u64> {
    files.iter().filter_map(|file| time_ms(file)).min()
}

fn time_ms(file: &Path) -> Option<u64> {
    findings::value_in_name(file, "time:")
}

/// Returns a part of a file name that resembles the title.
fn short_name(title: &str) -> String {
    const MAX_CHARS: usize = 48;
    let plain = title.chars().map(|character| match character {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' => character,
        _ => '-',
    });
    let mut name = String::new();
    for character in plain {
        if !(character == '-' && (name.is_empty() || name.ends_with('-'))) {
            name.push(character);
        }
        if name.len() == MAX_CHARS {
            break;
        }
    }
    name.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_folder_is_safe_and_readable() {
        assert_eq!(short_name("panic: a/b `x` in f (f.rs:3)"), "panic-a-b-x-in-f-f.rs-3");
        assert_eq!(short_name("../../etc"), "..-..-etc");
        assert!(short_name(&"long ".repeat(40)).len() <= 48);
    }

    #[test]
    fn the_first_finding_counts() {
        let files = ["m/crashes/id:000001,sig:06,time:900,op:x", "m/hangs/id:0,time:31", "h/id:000000,hang"];
        assert_eq!(first_found_ms(&files.map(PathBuf::from)), Some(31));
    }
}
