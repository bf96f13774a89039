//! Summary of a coverage: totals for other programs, and a table by file for people.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::tracefile::{Reached, Tracefile};

/// Totals of a coverage, as `summary.json` has them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoverageSummary {
    /// Lines that ran.
    pub lines_covered: u64,
    /// Lines with code.
    pub lines_total: u64,
    /// Functions that ran.
    pub functions_covered: u64,
    /// All functions.
    pub functions_total: u64,
    /// Inputs that were played.
    pub inputs: usize,
    /// Path of the HTML below the campaign's output directory, if there is any.
    pub index: Option<String>,
}

impl CoverageSummary {
    /// Sums up.
    #[must_use]
    pub fn of(tracefile: &Tracefile, inputs: usize, index: Option<String>) -> Self {
        let (lines, functions) = (tracefile.lines(), tracefile.functions());
        Self {
            lines_covered: lines.reached,
            lines_total: lines.total,
            functions_covered: functions.reached,
            functions_total: functions.total,
            inputs,
            index,
        }
    }
}

/// Returns the table: a row for each file of which any line ran, then the others together, then all.
#[must_use]
pub fn table(tracefile: &Tracefile) -> String {
    let base = common_directory(tracefile.files.keys());
    let mut text = row("lines", "", "functions", "", "");
    let mut others = (0_u64, Reached::default(), Reached::default());
    for (path, file) in &tracefile.files {
        let (lines, functions) = (file.lines(), file.functions());
        if lines.reached == 0 {
            others = (others.0 + 1, others.1.plus(lines), others.2.plus(functions));
            continue;
        }
        text += &counted_row(lines, functions, path.strip_prefix(&base).unwrap_or(path));
    }
    if others.0 > 0 {
        text += &counted_row(others.1, others.2, &format!("{} more files, of which nothing ran", others.0));
    }
    text + &counted_row(tracefile.lines(), tracefile.functions(), &format!("all, below {base}"))
}

fn counted_row(lines: Reached, functions: Reached, name: &str) -> String {
    let [line_count, function_count] = [lines, functions].map(|it| format!("{}/{}", it.reached, it.total));
    let [line_percent, function_percent] = [lines, functions].map(|it| format!("{:.1} %", it.percent()));
    row(&line_count, &line_percent, &function_count, &function_percent, name)
}

fn row(lines: &str, line_percent: &str, functions: &str, function_percent: &str, name: &str) -> String {
    let row = format!("{lines:>15} {line_percent:>8} {functions:>13} {function_percent:>8}  {name}");
    format!("{}\n", row.trim_end())
}

/// Returns the directory, with a slash at its end, below which all files are.
fn common_directory<'a>(paths: impl Iterator<Item = &'a String>) -> String {
    let common =
        paths.map(|path| Path::new(path).parent().unwrap_or(Path::new(""))).reduce(|common, next| {
            common.ancestors().find(|directory| next.starts_with(directory)).unwrap_or(Path::new(""))
        });
    match common.map(|directory| directory.to_string_lossy().into_owned()) {
        Some(directory) if !directory.is_empty() && !directory.ends_with('/') => directory + "/",
        other => other.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_ran_have_a_row_each() {
        let tracefile = Tracefile::parse(
            "SF:/s/a/x.c\nFN:1,f\nFNDA:1,f\nDA:1,1\nDA:2,0\nend_of_record\nSF:/s/y.c\nDA:1,0\nend_of_record\n\
             SF:/s/z.c\nDA:1,0\nend_of_record\n",
        );
        let table = table(&tracefile);
        let rows: Vec<_> =
            table.lines().map(|row| row.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(
            rows,
            [
                "lines functions",
                "1/2 50.0 % 1/1 100.0 % a/x.c",
                "0/2 0.0 % 0/0 100.0 % 2 more files, of which nothing ran",
                "1/4 25.0 % 1/1 100.0 % all, below /s/",
            ]
        );
    }
}
