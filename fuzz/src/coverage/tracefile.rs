//! Tracefile of lcov (geninfo(1), "FILES"): which lines and functions of which files ran how often. llvm-cov writes this
//! format, and genhtml, grcov and editors read it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Source files by their paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tracefile {
    /// The files.
    pub files: BTreeMap<String, SourceFile>,
}

/// Lines and functions of a file. Only those with code are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceFile {
    /// Executions by line number.
    pub lines: BTreeMap<u32, u64>,
    /// Functions by their names.
    pub functions: BTreeMap<String, SourceFunction>,
}

/// Function of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SourceFunction {
    /// Line at which it begins.
    pub line: u32,
    /// Number of calls.
    pub calls: u64,
}

/// Lines or functions that ran, and all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reached {
    /// Those that ran.
    pub reached: u64,
    /// All of them.
    pub total: u64,
}

impl Reached {
    /// Counts executions.
    fn of(executions: impl Iterator<Item = u64>) -> Self {
        executions.fold(Self::default(), |sum, count| Self {
            reached: sum.reached + u64::from(count > 0),
            total: sum.total + 1,
        })
    }

    /// Returns the sum of both.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self { reached: self.reached + other.reached, total: self.total + other.total }
    }

    /// Returns the reached part in percent; all of nothing is reached.
    #[must_use]
    pub fn percent(self) -> f64 {
        if self.total == 0 { 100.0 } else { self.reached as f64 * 100.0 / self.total as f64 }
    }
}

impl SourceFile {
    /// Counts the lines.
    #[must_use]
    pub fn lines(&self) -> Reached {
        Reached::of(self.lines.values().copied())
    }

    /// Counts the functions. Instances of a generic function, which begin at the same line, are one.
    #[must_use]
    pub fn functions(&self) -> Reached {
        Reached::of(self.functions_by_line().values().map(|(_, calls)| *calls))
    }

    /// Returns the functions by the lines at which they begin: the first name, and the calls of all.
    #[must_use]
    pub fn functions_by_line(&self) -> BTreeMap<u32, (&str, u64)> {
        let mut by_line = BTreeMap::new();
        for (name, SourceFunction { line, calls }) in &self.functions {
            by_line.entry(*line).or_insert((name.as_str(), 0)).1 += calls;
        }
        by_line
    }

    /// Adds executions of a line.
    pub fn add_line(&mut self, line: u32, count: u64) {
        let executions = self.lines.entry(line).or_default();
        *executions = executions.saturating_add(count);
    }

    /// Adds calls of a function.
    pub fn add_function(&mut self, name: &str, line: u32, calls: u64) {
        let function = self.functions.entry(name.to_owned()).or_default();
        function.line = line;
        function.calls = function.calls.saturating_add(calls);
    }
}

impl Tracefile {
    /// Reads a tracefile. Records that are not needed are skipped.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut all = Self::default();
        let mut current = None;
        for line in text.lines() {
            if let Some(path) = line.strip_prefix("SF:") {
                current = Some(all.files.entry(path.to_owned()).or_default());
            } else if let (Some(file), Some((kind, rest))) = (&mut current, line.split_once(':')) {
                read_record(file, kind, rest);
            }
        }
        all
    }

    /// Counts the lines of all files.
    #[must_use]
    pub fn lines(&self) -> Reached {
        self.files.values().map(SourceFile::lines).fold(Reached::default(), Reached::plus)
    }

    /// Counts the functions of all files.
    #[must_use]
    pub fn functions(&self) -> Reached {
        self.files.values().map(SourceFile::functions).fold(Reached::default(), Reached::plus)
    }

    /// Returns the text of the tracefile.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for (path, file) in &self.files {
            let _ = writeln!(text, "SF:{path}");
            for (name, SourceFunction { line, .. }) in &file.functions {
                let _ = writeln!(text, "FN:{line},{name}");
            }
            for (name, SourceFunction { calls, .. }) in &file.functions {
                let _ = writeln!(text, "FNDA:{calls},{name}");
            }
            for (line, count) in &file.lines {
                let _ = writeln!(text, "DA:{line},{count}");
            }
            text += "end_of_record\n";
        }
        text
    }
}

/// Reads `FN:LINE,NAME` (since lcov 1.16 also `FN:FIRST,LAST,NAME`), `FNDA:CALLS,NAME` or `DA:LINE,COUNT[,CHECKSUM]`.
fn read_record(file: &mut SourceFile, kind: &str, rest: &str) {
    let Some((number, rest)) = rest.split_once(',') else { return };
    let Ok(number) = number.parse::<u64>() else { return };
    match kind {
        "FN" => {
            let name = match rest.split_once(',') {
                Some((last, name)) if last.parse::<u32>().is_ok() => name,
                _ => rest,
            };
            file.add_function(name, u32::try_from(number).unwrap_or(u32::MAX), 0);
        }
        "FNDA" => {
            if let Some(function) = file.functions.get_mut(rest) {
                function.calls = function.calls.saturating_add(number);
            }
        }
        "DA" => {
            let count = rest.split(',').next().and_then(|count| count.parse().ok());
            file.add_line(u32::try_from(number).unwrap_or(u32::MAX), count.unwrap_or(0));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "SF:/a.c\nFN:1,main\nFN:7,other\nFNDA:2,main\nFNDA:0,other\nDA:1,2\nDA:2,0\nend_of_record\n";

    #[test]
    fn a_tracefile_is_read_and_written() {
        let read = Tracefile::parse(TEXT);
        assert_eq!(read.to_text(), TEXT);
        assert_eq!(read.lines(), Reached { reached: 1, total: 2 });
        assert_eq!(read.functions(), Reached { reached: 1, total: 2 });
        assert_eq!(
            Tracefile::parse("TN:\nSF:/a.c\nFN:1,9,main\nBRDA:1,0,0,1\nDA:2,0,x\nLH:1\n").files.len(),
            1
        );
    }

    #[test]
    fn instances_of_a_generic_function_are_one() {
        let file = "SF:a.rs\nFN:3,f::<u8>\nFN:3,f::<u16>\nFNDA:0,f::<u8>\nFNDA:4,f::<u16>\n";
        assert_eq!(Tracefile::parse(file).functions(), Reached { reached: 1, total: 1 });
    }
}
