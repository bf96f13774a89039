//! Profiles of clang and rustc: merged by llvm-profdata, read and shown by llvm-cov.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use sockfuzz_protocol::source_coverage::{OBJECT_EXTENSION, PROFILE_EXTENSION};
use tempfile::TempDir;

use super::demangler;
use super::llvm_tools::{self, Compiler, LlvmTools};
use super::tracefile::Tracefile;
use crate::note;
use crate::util::notice;
use crate::util::printable::last_lines;
use crate::util::problem::Problem;

/// Merged profile, with the executables and libraries that it is of.
#[derive(Debug)]
pub struct LlvmProfile {
    tools: LlvmTools,
    merged: PathBuf,
    /// Directory of the merged profile. The server has never had access to it.
    _work: TempDir,
    objects: Vec<PathBuf>,
}

impl LlvmProfile {
    /// Merges the profiles in a directory; `None` if there are none. Without a link to its object beside it, a profile is
    /// one of `program`.
    ///
    /// # Errors
    /// When no tools for the compiler are there.
    pub fn merge(directory: &Path, program: &Path) -> Result<Option<Self>> {
        let profiles = files_with_extension(directory, PROFILE_EXTENSION)?;
        if profiles.is_empty() {
            return Ok(None);
        }
        let object_of = |profile: &PathBuf| {
            fs::read_link(profile.with_extension(OBJECT_EXTENSION)).unwrap_or_else(|_| program.to_owned())
        };
        let objects: BTreeSet<PathBuf> = profiles.iter().map(object_of).collect();
        let first = objects.iter().find_map(|object| Compiler::of(object));
        let compiler = first.with_context(|| format!("{} names no compiler", program.display()))?;
        let (objects, others): (Vec<_>, Vec<_>) =
            objects.into_iter().partition(|object| Compiler::of(object).as_ref() == Some(&compiler));
        for other in &others {
            note!("{} is left out: it is not made by {compiler}", other.display());
        }
        let of_compiler = profiles.iter().filter(|profile| objects.contains(&object_of(profile)));
        let list: Vec<_> = of_compiler.map(|profile| profile.to_string_lossy()).collect();
        let work = tempfile::tempdir().context("cannot create a temporary directory")?;
        let list_file = work.path().join("profiles");
        fs::write(&list_file, list.join("\n") + "\n")?;
        let merged = work.path().join("merged.profdata");
        let tools = merge_with_any(&compiler, &list_file, &merged)?;
        Ok(Some(Self { tools, merged, _work: work, objects }))
    }

    /// Returns lines and functions.
    ///
    /// # Errors
    /// When llvm-cov fails.
    pub fn tracefile(&self) -> Result<Tracefile> {
        let mut command = self.llvm_cov("export");
        command.arg("-format=lcov");
        let mut tracefile = Tracefile::parse(&String::from_utf8_lossy(&output_of(command)?));
        demangler::demangle(&mut tracefile);
        Ok(tracefile)
    }

    /// Writes HTML of these sources, or of all, into a directory, with an `index.html`.
    ///
    /// # Errors
    /// When llvm-cov fails.
    pub fn write_html(&self, directory: &Path, sources: &[PathBuf]) -> Result<()> {
        let mut command = self.llvm_cov("show");
        command.arg("-format=html").arg(format!("-output-dir={}", directory.display()));
        if which::which(demangler::PROGRAM).is_ok() {
            command.arg(format!("-Xdemangler={}", demangler::PROGRAM));
        }
        command.args(sources);
        output_of(command).map(drop)
    }

    fn llvm_cov(&self, subcommand: &str) -> Command {
        let mut command = Command::new(&self.tools.cov);
        command.arg(subcommand).arg(format!("-instr-profile={}", self.merged.display()));
        let (first, others) = self.objects.split_first().expect("a profile is that of an object");
        command.arg(first);
        command.args(others.iter().map(|object| format!("-object={}", object.display())));
        command
    }
}

/// Merges the listed profiles by the first tools that can read them.
fn merge_with_any(compiler: &Compiler, list: &Path, merged: &Path) -> Result<LlvmTools> {
    let candidates = llvm_tools::candidates(compiler);
    let mut refusal = String::new();
    for tools in candidates {
        let mut command = Command::new(&tools.profdata);
        command.arg("merge").arg("-sparse").arg("-f").arg(list).arg("-o").arg(merged);
        match output_of(command) {
            Ok(_) => return Ok(tools),
            Err(error) => refusal = format!("\n  llvm-profdata {}: {error:#}", tools.version),
        }
    }
    let what =
        format!("no llvm-profdata and llvm-cov on this machine can read the profile of {compiler}{refusal}");
    Err(Problem::failed(what, compiler.remedy()).into())
}

/// Returns the files of a directory with this extension, sorted.
fn files_with_extension(directory: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    let files = entries.flatten().map(|entry| entry.path());
    let mut files: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|found| found == extension)).collect();
    files.sort();
    Ok(files)
}

/// Runs a tool to its end, and returns its stdout.
///
/// # Errors
/// When it cannot be started or fails; the error has the end of its stderr.
pub(super) fn output_of(mut command: Command) -> Result<Vec<u8>> {
    notice::print_command(&command);
    let program = PathBuf::from(command.get_program());
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let said = last_lines(&output.stderr, 1).concat();
    anyhow::ensure!(output.status.success(), "{} failed: {said}", program.display());
    Ok(output.stdout)
}
