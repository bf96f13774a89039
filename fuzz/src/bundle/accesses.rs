//! Notes of a traced server: which paths it used, and how.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

/// Use of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// Its existence or properties were asked for (stat(2), access(2), readlink(2)).
    Examined,
    /// It was opened for reading, or executed.
    Read,
    /// It was opened as a directory.
    Listed,
    /// It was created, opened for writing, renamed or removed.
    Written,
    /// It was created as a directory.
    Made,
    /// It is the working directory of a process that named a file relative to it.
    WorkingDirectory,
}

impl Use {
    const ALL: [Self; 6] =
        [Self::Examined, Self::Read, Self::Listed, Self::Written, Self::Made, Self::WorkingDirectory];

    fn word(self) -> &'static str {
        match self {
            Self::Examined => "examined",
            Self::Read => "read",
            Self::Listed => "listed",
            Self::Written => "written",
            Self::Made => "made",
            Self::WorkingDirectory => "from",
        }
    }
}

/// One line of the notes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Access {
    /// How the path was used.
    pub usage: Use,
    /// Absolute path.
    pub path: PathBuf,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.usage.word(), self.path.display())
    }
}

/// All uses of each path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accesses(BTreeMap<PathBuf, BTreeSet<Use>>);

impl Accesses {
    /// Reads notes. A line that the end of the tracer has cut is ignored.
    pub fn add_notes(&mut self, notes: &str) {
        let complete = notes.rsplit_once('\n').map_or("", |(lines, _)| lines);
        for line in complete.lines() {
            let Some((word, path)) = line.split_once(' ') else { continue };
            if let Some(usage) = Use::ALL.into_iter().find(|usage| usage.word() == word) {
                self.add(usage, Path::new(path));
            }
        }
    }

    /// Adds one use of a path.
    pub fn add(&mut self, usage: Use, path: &Path) {
        self.0.entry(path.to_owned()).or_default().insert(usage);
    }

    /// Returns all paths with their uses, in the order of the paths.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &BTreeSet<Use>)> {
        self.0.iter().map(|(path, uses)| (path.as_path(), uses))
    }

    /// Returns the paths that were used in this way.
    pub fn with(&self, usage: Use) -> impl Iterator<Item = &Path> {
        self.iter().filter(move |(_, uses)| uses.contains(&usage)).map(|(path, _)| path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_read_as_they_were_written() {
        let access = Access { usage: Use::Read, path: "/a b/c".into() };
        let mut accesses = Accesses::default();
        accesses.add_notes(&format!("{access}\nexamined /a b/c\nread /cut"));
        assert_eq!(accesses.with(Use::Read).collect::<Vec<_>>(), [Path::new("/a b/c")]);
        assert_eq!(accesses.with(Use::Examined).count(), 1);
    }
}
