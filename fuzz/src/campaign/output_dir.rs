//! Output directory of afl-fuzz: a new one, or one of the same server, which is resumed. Other directories are refused and
//! stay untouched.
//!
//! Files beside the directories of the instances hold the command line of the server, the record of the campaign, the
//! status page, the progress, and the logs of the instances. afl-fuzz ignores these files.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, flock};

use crate::campaign::stats::STATS_FILE;
use crate::server::Server;
use crate::util::problem::Problem;
use crate::util::shell::shell_quoted;

/// File with the server's command line, quoted for a shell.
pub const TARGET_FILE: &str = "sockfuzz.target";
/// File to which the status page is saved.
pub const STATUS_FILE: &str = "sockfuzz.status";
/// File in which an earlier release recorded the transport.
pub const TRANSPORT_FILE: &str = "sockfuzz.transport";

/// Name of a single instance, chosen by afl-fuzz.
pub const DEFAULT_INSTANCE: &str = "default";
/// Name of the main instance among several.
pub const MAIN_INSTANCE: &str = "main";
/// Name of the directory of seeds that crash or hang the server, beside the directories of the instances.
pub const SEEDS_DIRECTORY: &str = "sockfuzz-seeds";
/// Name of the directory into which `sockfuzz sync` puts the inputs of other machines. It has a queue, like an instance.
pub const FLEET_DIRECTORY: &str = "fleet";
/// Name of the directory of histories, with a directory for each instance.
pub const HISTORIES_DIRECTORY: &str = "sockfuzz-histories";

/// An output directory that may be used for a server.
#[derive(Debug)]
pub struct OutputDir {
    path: PathBuf,
    identity: String,
    /// The target file, locked while the directory is used.
    lock: Option<File>,
}

impl OutputDir {
    /// Checks a path without changing anything.
    ///
    /// # Errors
    /// A directory of another server, one that is not an output directory of afl-fuzz, or one with findings but
    /// without a queue.
    pub fn validate(path: &Path, server: &Server) -> Result<Self> {
        let identity = server.command_line();
        let path = std::path::absolute(path)?;
        if !is_vacant(&path)? {
            let owner = owner(&path).ok_or_else(|| foreign(&path))?;
            if owner != identity {
                return Err(of_another(&path, &owner).into());
            }
            if let Some(instance) = without_queue(&path) {
                return Err(no_queue(&instance).into());
            }
        }
        Ok(Self { path, identity, lock: None })
    }

    /// Creates the directory and its target file where they are missing, and locks the directory.
    ///
    /// # Errors
    /// When it cannot be written, or another sockfuzz uses it.
    pub fn lock(mut self) -> Result<Self> {
        fs::create_dir_all(&self.path).with_context(|| format!("cannot create {}", self.path.display()))?;
        let path = self.path.join(TARGET_FILE);
        if !path.exists() {
            fs::write(&path, format!("{}\n", self.identity))
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        let file = File::open(&path)?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(Problem::failed(
                format!("another sockfuzz uses {}", self.path.display()),
                "stop it, or choose another directory with -o",
            )
            .into());
        }
        self.lock = Some(file);
        Ok(self)
    }

    /// Returns the absolute path of the directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the free space on the disk for this user, in bytes, or `None` if statvfs(3) fails.
    #[must_use]
    pub fn room(&self) -> Option<u64> {
        let disk = rustix::fs::statvfs(self.path()).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    /// Returns the path of the status page.
    #[must_use]
    pub fn status(&self) -> PathBuf {
        self.path.join(STATUS_FILE)
    }

    /// Returns the directory of an instance.
    #[must_use]
    pub fn instance(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Returns the directory of seeds that crash or hang the server.
    #[must_use]
    pub fn seeds(&self) -> PathBuf {
        self.path.join(SEEDS_DIRECTORY)
    }

    /// Returns the directory of an instance's histories.
    #[must_use]
    pub fn histories(&self, name: &str) -> PathBuf {
        self.path.join(HISTORIES_DIRECTORY).join(name)
    }

    /// Returns the path of the log of an instance.
    #[must_use]
    pub fn log(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.log"))
    }

    /// Whether a campaign is resumed here.
    #[must_use]
    pub fn is_resumed(&self) -> bool {
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        entries
            .into_iter()
            .any(|entry| entry.file_name().to_str().is_some_and(|name| self.is_resumable(name)))
    }

    /// Whether an instance can be resumed: it has inputs, and figures or findings. An instance that
    /// failed before that point may start again with other seeds.
    #[must_use]
    pub fn is_resumable(&self, instance: &str) -> bool {
        let instance = self.instance(instance);
        has_queue(&instance) && (instance.join(STATS_FILE).exists() || has_findings(&instance))
    }
}

/// Whether an instance has inputs to resume from. afl-fuzz renames the queue to `_resume` while it
/// starts.
fn has_queue(instance: &Path) -> bool {
    ["queue", "_resume"].iter().any(|kind| holds_inputs(&instance.join(kind)))
}

fn has_findings(instance: &Path) -> bool {
    ["crashes", "hangs"].iter().any(|kind| holds_inputs(&instance.join(kind)))
}

/// Returns an instance with findings but without a queue. afl-fuzz cannot resume it, and would delete the findings.
fn without_queue(path: &Path) -> Option<PathBuf> {
    fs::read_dir(path)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| !path.ends_with(SEEDS_DIRECTORY))
        .find(|instance| has_findings(instance) && !has_queue(instance))
}

fn holds_inputs(directory: &Path) -> bool {
    let is_input = |entry: io::Result<fs::DirEntry>| {
        entry.is_ok_and(|entry| entry.file_name().as_encoded_bytes().starts_with(b"id"))
    };
    fs::read_dir(directory).is_ok_and(|mut entries| entries.any(is_input))
}

fn is_vacant(path: &Path) -> Result<bool> {
    if !path.exists() {
        return Ok(true);
    }
    let mut entries = fs::read_dir(path).map_err(|error| {
        Problem::failed(
            format!("the output directory {} cannot be read: {error}", path.display()),
            "choose another directory with -o",
        )
    })?;
    Ok(entries.next().is_none())
}

/// Returns the server that the directory belongs to, from the target file, or from the `cmdline` file of an
/// afl-fuzz that was started by hand.
fn owner(path: &Path) -> Option<String> {
    if let Ok(note) = fs::read_to_string(path.join(TARGET_FILE)) {
        return Some(note.trim_end().to_owned());
    }
    let instances = fs::read_dir(path).ok()?;
    let command_line =
        instances.filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("cmdline")).ok()).next()?;
    let words: Vec<_> = command_line.lines().map(Into::into).collect();
    Some(Server::resolve(&words).map_or_else(
        |_| shell_quoted(words.iter().map(std::ffi::OsString::as_os_str)),
        |server| server.command_line(),
    ))
}

fn of_another(path: &Path, owner: &str) -> Problem {
    Problem::failed(
        format!("the output directory {} belongs to another server: {owner}", path.display()),
        "choose another directory with -o, or move this one away",
    )
}

fn no_queue(instance: &Path) -> Problem {
    Problem::failed(
        format!("{} holds crashes or hangs, but no queue to resume from", instance.display()),
        "move it away, or choose another directory with -o; nothing was changed",
    )
}

fn foreign(path: &Path) -> Problem {
    Problem::failed(
        format!("{} is neither empty nor an output directory of afl-fuzz", path.display()),
        "choose another directory with -o; nothing was changed",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(argument: &str) -> Server {
        Server::new("/bin/true".into(), vec![argument.into()])
    }

    #[test]
    fn a_directory_cannot_be_used_for_another_server() {
        let directory = tempfile::tempdir().expect("tempdir");
        let path = directory.path().join("out");
        let locked = OutputDir::validate(&path, &server("a")).and_then(OutputDir::lock);
        drop(locked.expect("new"));
        OutputDir::validate(&path, &server("a")).expect("the same server");
        let error = OutputDir::validate(&path, &server("b")).expect_err("another server");
        assert!(error.to_string().contains("another server"), "{error}");
    }

    #[test]
    fn a_locked_directory_cannot_be_locked_again() {
        let directory = tempfile::tempdir().expect("tempdir");
        let lock = || OutputDir::validate(directory.path(), &server("a")).and_then(OutputDir::lock);
        let first = lock().expect("vacant");
        assert!(lock().is_err());
        drop(first);
        lock().expect("free again");
    }

    #[test]
    fn a_foreign_directory_is_refused() {
        let directory = tempfile::tempdir().expect("tempdir");
        fs::write(directory.path().join("thesis.tex"), "").expect("write");
        let error = OutputDir::validate(directory.path(), &server("a")).expect_err("foreign");
        assert!(error.to_string().contains("neither empty"), "{error}");
    }

    #[test]
    fn a_directory_made_by_hand_is_identified_by_its_command_line() {
        let directory = tempfile::tempdir().expect("tempdir");
        fs::create_dir(directory.path().join("default")).expect("mkdir");
        fs::write(directory.path().join("default/cmdline"), "/bin/true\na\n").expect("write");
        OutputDir::validate(directory.path(), &server("a")).expect("the same server");
        OutputDir::validate(directory.path(), &server("b")).expect_err("another server");
    }

    #[test]
    fn instances_without_inputs_or_findings_are_not_resumed() {
        let directory = tempfile::tempdir().expect("tempdir");
        let write = |name: &str| fs::write(directory.path().join(name), "x").expect("write");
        let out = OutputDir::validate(directory.path(), &server("a")).expect("vacant");
        fs::create_dir_all(directory.path().join("default/queue/.state")).expect("mkdir");
        write("default/fuzzer_stats");
        assert!(!out.is_resumable("default"), "no input");
        write("default/queue/id:000000");
        assert!(out.is_resumable("default"));
        fs::remove_file(directory.path().join("default/fuzzer_stats")).expect("remove");
        assert!(!out.is_resumable("default"), "a start that failed");
        fs::create_dir(directory.path().join("default/crashes")).expect("mkdir");
        write("default/crashes/id:000000");
        assert!(out.is_resumable("default"), "a crash is kept");
    }

    #[test]
    fn findings_without_a_queue_are_refused() {
        let directory = tempfile::tempdir().expect("tempdir");
        fs::create_dir_all(directory.path().join("default/crashes")).expect("mkdir");
        let write = |name: &str, text| fs::write(directory.path().join(name), text);
        write("default/cmdline", "/bin/true\na\n").expect("write");
        write("default/crashes/id:000000", "x").expect("write");
        let error = OutputDir::validate(directory.path(), &server("a")).expect_err("no queue");
        assert!(error.to_string().contains("no queue"), "{error}");
    }
}
