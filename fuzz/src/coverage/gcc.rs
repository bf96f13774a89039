//! What gcc's `--coverage` has counted: gcov reads it, and genhtml or grcov shows it.

use std::fs::{self, DirEntry};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::llvm::output_of;
use super::tracefile::Tracefile;
use crate::note;

/// Number of files that one gcov reads.
const FILES_AT_ONCE: usize = 64;

/// The parts of gcov's JSON that are read here (gcov(1), `--json-format`).
#[derive(Debug, Deserialize)]
struct GcovDocument {
    current_working_directory: PathBuf,
    files: Vec<GcovFile>,
}

#[derive(Debug, Deserialize)]
struct GcovFile {
    file: PathBuf,
    functions: Vec<GcovFunction>,
    lines: Vec<GcovLine>,
}

#[derive(Debug, Deserialize)]
struct GcovFunction {
    demangled_name: String,
    start_line: u32,
    execution_count: u64,
}

#[derive(Debug, Deserialize)]
struct GcovLine {
    line_number: u32,
    count: u64,
}

/// Reads lines and functions from a directory below which each file of counters has the path of its object file; `None` if
/// there are none.
///
/// # Errors
/// When gcov is missing or fails.
pub fn read(directory: &Path) -> Result<Option<Tracefile>> {
    let counters = files_below(directory);
    if counters.is_empty() {
        return Ok(None);
    }
    for file in &counters {
        // The compiler has left the file of source positions beside the object file.
        let below = file.strip_prefix(directory).expect("it is below");
        let positions = Path::new("/").join(below).with_extension("gcno");
        // gcov says if it is missing.
        let _ = symlink(positions, file.with_extension("gcno"));
    }
    let mut tracefile = Tracefile::default();
    for files in counters.chunks(FILES_AT_ONCE) {
        let mut command = Command::new("gcov");
        command.args(["--json-format", "--stdout", "--demangled-names"]).args(files);
        let output = output_of(command).context("gcov belongs to gcc, in the same version")?;
        for document in serde_json::Deserializer::from_slice(&output).into_iter() {
            add(&mut tracefile, document.context("gcov's output is not understood")?);
        }
    }
    Ok(Some(tracefile))
}

fn add(tracefile: &mut Tracefile, document: GcovDocument) {
    for GcovFile { file, functions, lines } in document.files {
        let path = document.current_working_directory.join(file);
        let source = tracefile.files.entry(path.to_string_lossy().into_owned()).or_default();
        for GcovFunction { demangled_name, start_line, execution_count } in functions {
            source.add_function(&demangled_name, start_line, execution_count);
        }
        lines.iter().for_each(|line| source.add_line(line.line_number, line.count));
    }
}

/// Writes HTML of a tracefile into a directory, with an `index.html`. Returns `false`, and says what to install, if there
/// is no program for it.
///
/// # Errors
/// When the program fails.
pub fn write_html(tracefile: &Path, directory: &Path) -> Result<bool> {
    let mut command;
    if let Ok(genhtml) = which::which("genhtml") {
        command = Command::new(genhtml);
        command.args(["--quiet", "--output-directory"]).arg(directory).arg(tracefile);
    } else if let Ok(grcov) = which::which("grcov") {
        command = Command::new(grcov);
        command.arg(tracefile).args(["-t", "html", "-o"]).arg(directory);
    } else {
        note!("no HTML: install genhtml (apt-get install lcov) or grcov (cargo install grcov)");
        return Ok(false);
    }
    output_of(command)?;
    Ok(true)
}

/// Returns all files of counters below a directory, sorted.
fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => directories.push(entry.path()),
                _ if is_written(&entry) => files.push(entry.path()),
                _ => {}
            }
        }
    }
    files.sort();
    files
}

/// Whether this is a file of counters. An empty one was only created.
fn is_written(entry: &DirEntry) -> bool {
    entry.path().extension().is_some_and(|found| found == "gcda")
        && entry.metadata().is_ok_and(|metadata| metadata.len() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_of_a_header_are_added() {
        let document = |count: u64| {
            let text = format!(
                r#"{{"current_working_directory": "/b", "gcc_version": "12", "files": [{{"file": "a.h", "functions":
                [{{"name": "f", "demangled_name": "f", "start_line": 1, "execution_count": {count}}}], "lines":
                [{{"line_number": 1, "count": {count}, "unexecuted_block": false}}]}}]}}"#
            );
            serde_json::from_str(&text).expect("gcov's format")
        };
        let mut tracefile = Tracefile::default();
        add(&mut tracefile, document(2));
        add(&mut tracefile, document(3));
        assert_eq!(tracefile.to_text(), "SF:/b/a.h\nFN:1,f\nFNDA:5,f\nDA:1,5\nend_of_record\n");
    }
}
