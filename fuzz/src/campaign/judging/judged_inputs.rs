//! List of the inputs that have been judged, so that a resumed campaign judges only what is new.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};

use crate::util::fingerprint::fingerprint;

/// Name of the list.
const LIST: &str = "judged";

/// The inputs that have been judged.
#[derive(Debug)]
pub(super) struct JudgedInputs {
    known: HashSet<String>,
    file: File,
}

impl JudgedInputs {
    /// Opens the list in a directory. One that was made by other rules, which have another fingerprint, is emptied.
    pub(super) fn open(directory: &Path, rules: &str) -> Result<Self> {
        let path = directory.join(LIST);
        let text = fs::read_to_string(&path).unwrap_or_default();
        let mut lines = text.lines();
        let is_same = lines.next() == Some(rules);
        let known = if is_same { lines.map(str::to_owned).collect() } else { HashSet::new() };
        let open = || {
            let mut options = File::options();
            options.create(true).append(is_same).write(true).truncate(!is_same);
            let mut file = options.open(&path)?;
            if !is_same {
                writeln!(file, "{rules}")?;
            }
            std::io::Result::Ok(file)
        };
        let file = open().with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { known, file })
    }

    pub(super) fn contains(&self, input: &[u8]) -> bool {
        self.known.contains(&fingerprint(input))
    }

    /// Adds an input. If the list cannot be written, a resumption judges the input again.
    pub(super) fn add(&mut self, input: &[u8]) {
        let fingerprint = fingerprint(input);
        if !self.known.contains(&fingerprint) {
            let _ = writeln!(self.file, "{fingerprint}");
            self.known.insert(fingerprint);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_rules_judge_all_inputs_again() {
        let directory = tempfile::tempdir().expect("tempdir");
        let open = |rules: &str| JudgedInputs::open(directory.path(), rules).expect("writable");
        open("a").add(b"x");
        let mut again = open("a");
        assert!(again.contains(b"x"));
        again.add(b"y");
        assert!(open("a").contains(b"x") && open("a").contains(b"y"));
        assert!(!open("b").contains(b"x"));
    }
}
