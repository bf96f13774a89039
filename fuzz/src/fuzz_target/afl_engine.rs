//! afl-fuzz as ClusterFuzz runs it (its afl/launcher.py): one crash of a run counts, whichever the file system lists first, and
//! its stack is what the file of reports has at the end. So afl-fuzz runs as a child; afterwards its crashes are played, and
//! the first that happens alone is left, with its report and nothing else in that file.

use std::env;
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use sockfuzz_launcher::afl_line::AflLine;
use sockfuzz_launcher::launch::{self, REPORT_FILE};

use crate::campaign::output_dir::DEFAULT_INSTANCE;
use crate::fuzz_target::playback;
use crate::fuzz_target::target_server::TargetServer;
use crate::util::exit_code;
use crate::util::home_bundle;
use crate::util::interrupt;
use crate::util::problem::Problem;

/// Name of the directory of crashes, and of the one beside it for all but the one that is left.
const CRASHES: &str = "crashes";
const OTHER_CRASHES: &str = "crashes.others";

/// Interval of waiting for afl-fuzz.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Time for all crashes, if afl-fuzz ended by itself, as it does after a crash below ClusterFuzz.
const PLAYING_TIME: Duration = Duration::from_secs(30);

/// The same, if it was asked to end: ClusterFuzz kills this process 10 seconds later.
const PLAYING_TIME_AT_END: Duration = Duration::from_secs(8);

/// Time limit for one crash.
const CRASH_TIMEOUT: Duration = Duration::from_secs(5);

/// Runs afl-fuzz with these words, and returns its exit status.
///
/// # Errors
/// Outside of a bundle, and when afl-fuzz cannot be started.
pub fn run(words: Vec<OsString>) -> Result<u8> {
    let Some(bundle) = home_bundle::current() else {
        let what = "this subcommand works inside of a bundle only";
        return Err(Problem::failed(what, "start the bundle's afl-fuzz").into());
    };
    let environment = |name: &str| env::var_os(name);
    let line = launch::for_our_mutator(AflLine::parse(words), &environment);
    let crashes = line.value('o').map(|out| {
        let name = line.value('S').or(line.value('M')).unwrap_or(DEFAULT_INSTANCE.as_ref());
        Path::new(out).join(name).join(CRASHES)
    });
    let mut command = Command::new(bundle.program("afl-fuzz"));
    command.args(line.words());
    launch::set_tool_defaults(&mut command, bundle, &environment);
    // ClusterFuzz reads it in any case.
    create_report_file()?;
    let child = command.spawn().context("cannot start afl-fuzz")?;
    let (status, asked_at) = wait(child)?;
    if let Some(crashes) = crashes.filter(|_| status.success()) {
        let deadline = match asked_at {
            Some(asked_at) => asked_at + PLAYING_TIME_AT_END,
            None => Instant::now() + PLAYING_TIME,
        };
        if let Err(error) = leave_one(&crashes, deadline) {
            // The crashes are all there.
            eprintln!("sockfuzz: {error:#}");
        }
    }
    Ok(code(status))
}

/// Waits for afl-fuzz, passes requests to end on, and returns when the first one came.
fn wait(mut child: Child) -> Result<(ExitStatus, Option<Instant>)> {
    let pid = Pid::from_child(&child);
    let mut asked_at = None;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((status, asked_at));
        }
        if let (None, Err(signal)) = (asked_at, interrupt::check()) {
            asked_at = Some(Instant::now());
            let signal = Signal::from_named_raw(signal.number()).unwrap_or(Signal::TERM);
            // It may have ended just now.
            let _ = kill_process(pid, signal);
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// Leaves the first crash that happens alone, with its report, if there is one. Nothing is lost: the others move to a directory
/// beside, from which afl-fuzz takes nothing. If none happens alone, all stay.
fn leave_one(crashes: &Path, deadline: Instant) -> Result<()> {
    let files = crash_files(crashes)?;
    if files.is_empty() {
        return Ok(());
    }
    // What afl-fuzz was told by a request to end must not end the runs below.
    interrupt::forget();
    let target = TargetServer::prepare()?;
    for file in &files {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let played = playback::play(&target, &fs::read(file)?, left.min(CRASH_TIMEOUT))?;
        if played.is_crash() {
            write_report(&played.report)?;
            return move_others(&files, file, &crashes.with_file_name(OTHER_CRASHES));
        }
    }
    eprintln!("sockfuzz: no crash happens alone in a fresh process: they may need earlier inputs");
    Ok(())
}

fn move_others(files: &[PathBuf], kept: &Path, to: &Path) -> Result<()> {
    let others: Vec<_> = files.iter().filter(|file| *file != kept).collect();
    if others.is_empty() {
        return Ok(());
    }
    fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    for file in others {
        let name = file.file_name().unwrap_or_default();
        fs::rename(file, to.join(name)).with_context(|| format!("cannot move {}", file.display()))?;
    }
    Ok(())
}

/// Returns the crashes, in the order in which they were found.
fn crash_files(crashes: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(crashes) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", crashes.display())),
    };
    let is_crash =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"id"));
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(is_crash).collect();
    files.sort();
    Ok(files)
}

fn create_report_file() -> Result<()> {
    let Some(path) = env::var_os(REPORT_FILE) else { return Ok(()) };
    let opened = OpenOptions::new().create(true).append(true).open(&path);
    opened.map(drop).with_context(|| format!("cannot write {}", path.display()))
}

/// Replaces the content of the file of reports.
fn write_report(report: &str) -> Result<()> {
    let Some(path) = env::var_os(REPORT_FILE) else { return Ok(()) };
    fs::write(&path, report).with_context(|| format!("cannot write {}", path.display()))
}

/// Adds a report to the file of reports, if there is one.
///
/// # Errors
/// When it cannot be written.
pub fn append_report(report: &str) -> Result<()> {
    let Some(path) = env::var_os(REPORT_FILE) else { return Ok(()) };
    let file = OpenOptions::new().create(true).append(true).open(&path);
    file.and_then(|mut file| file.write_all(report.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Returns the exit status of a process as a shell has it.
fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| Some(i32::from(exit_code::SIGNAL_BASE) + status.signal()?));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(exit_code::FAILED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_crash_is_left_and_no_other_is_lost() {
        let directory = tempfile::tempdir().expect("a directory");
        let crashes = directory.path().join(CRASHES);
        assert!(crash_files(&crashes).expect("none").is_empty());
        fs::create_dir(&crashes).expect("created");
        for name in ["id:000001,sig:11", "id:000000,sig:06", "README.txt"] {
            fs::write(crashes.join(name), name).expect("written");
        }
        let files = crash_files(&crashes).expect("readable");
        assert!(files[0].ends_with("id:000000,sig:06") && files.len() == 2);
        let others = directory.path().join(OTHER_CRASHES);
        move_others(&files, &files[1], &others).expect("moved");
        assert!(others.join("id:000000,sig:06").is_file() && files[1].is_file());
    }
}
