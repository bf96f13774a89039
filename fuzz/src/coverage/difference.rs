//! Difference between two coverages of the same sources: what only one of them reached.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::tracefile::{SourceFile, Tracefile};

/// Lines and functions of a file that one coverage reached, and the other did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDifference<'a> {
    /// Path of the file.
    pub path: &'a str,
    /// Numbers of lines.
    pub lines: Vec<u32>,
    /// Names of functions.
    pub functions: Vec<&'a str>,
}

/// Returns what `one` reached and `other` did not, by files.
#[must_use]
pub fn only_in<'a>(one: &'a Tracefile, other: &Tracefile) -> Vec<FileDifference<'a>> {
    let nothing = SourceFile::default();
    let differences = one.files.iter().map(|(path, file)| {
        let other = other.files.get(path).unwrap_or(&nothing);
        let has_run = |line: &u32| other.lines.get(line).is_some_and(|count| *count > 0);
        let lines =
            file.lines.iter().filter(|(line, count)| **count > 0 && !has_run(line)).map(|(line, _)| *line);
        let reached = |file: &SourceFile| -> BTreeSet<u32> {
            let ran = file.functions_by_line().into_iter().filter(|(_, (_, calls))| *calls > 0);
            ran.map(|(line, _)| line).collect()
        };
        let new = &reached(file) - &reached(other);
        let by_line = file.functions_by_line();
        let functions = new.iter().filter_map(|line| Some(by_line.get(line)?.0)).collect();
        FileDifference { path, lines: lines.collect(), functions }
    });
    differences.filter(|file| !file.lines.is_empty() || !file.functions.is_empty()).collect()
}

/// Returns differences as text.
#[must_use]
pub fn describe(name: &str, differences: &[FileDifference<'_>]) -> String {
    let lines: usize = differences.iter().map(|file| file.lines.len()).sum();
    let functions: usize = differences.iter().map(|file| file.functions.len()).sum();
    let mut text = format!("reached only in {name}: {lines} lines, {functions} functions\n");
    for FileDifference { path, lines, functions } in differences {
        let _ = writeln!(text, "  {path}: {}", ranges(lines));
        functions.iter().for_each(|function| {
            let _ = writeln!(text, "    {function}");
        });
    }
    text
}

/// Returns numbers as text, with ranges of consecutive ones.
fn ranges(numbers: &[u32]) -> String {
    let consecutive = numbers.chunk_by(|one, next| one + 1 == *next);
    let text = consecutive.map(|range| match range {
        [only] => only.to_string(),
        range => format!("{}-{}", range[0], range[range.len() - 1]),
    });
    text.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_functions_of_one_only_are_found() {
        let one =
            Tracefile::parse("SF:a.c\nFN:1,f\nFNDA:1,f\nDA:1,1\nDA:2,1\nDA:3,1\nDA:9,1\nend_of_record\n");
        let other =
            Tracefile::parse("SF:a.c\nFN:1,f\nFNDA:0,f\nDA:1,0\nDA:2,0\nDA:3,0\nDA:9,4\nend_of_record\n");
        assert_eq!(only_in(&other, &one), []);
        let text = describe("out", &only_in(&one, &other));
        assert_eq!(text, "reached only in out: 3 lines, 1 functions\n  a.c: 1-3\n    f\n");
    }
}
