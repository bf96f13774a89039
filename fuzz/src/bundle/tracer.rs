//! Tracer (ptrace(2)): runs a server and notes every path that it uses successfully, in all of its processes. A process of its
//! own, `sockfuzz trace-files`, so that the server's life is not tied to ours.

mod calls;

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use self::calls::{Argument, Call};
use crate::bundle::accesses::{Access, Use};
use crate::bundle::paths::normalized;
use crate::server::command::Server;

/// Name of the subcommand.
pub const SUBCOMMAND: &str = "trace-files";

/// Longest path of a system call (limits.h, PATH_MAX).
const MAX_PATH_BYTES: usize = 4096;
/// Memory is read up to the end of a page, because the next one may not exist.
const PAGE_BYTES: usize = 4096;

/// Returns the command that runs the server under the tracer.
///
/// # Errors
/// When this program cannot be found.
pub fn command(server: &Server, notes: &Path) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("cannot find the program of sockfuzz")?);
    command.arg(SUBCOMMAND).arg(notes).arg("--").arg(&server.program).args(&server.arguments);
    command.envs(&server.variables);
    Ok(command)
}

/// Runs a program under the tracer until all of its processes have ended, and returns its exit status. Notes are appended
/// to the file at once, because the tracer may be killed.
///
/// # Errors
/// When the program cannot be started or traced.
pub fn run(notes: &Path, line: &[OsString]) -> Result<u8> {
    let notes = File::options().append(true).create(true).open(notes)?;
    let mut command = Command::new(&line[0]);
    command.args(&line[1..]);
    // SAFETY: the closure makes one system call, which is async-signal-safe.
    unsafe { command.pre_exec(|| Ok(ptrace::traceme()?)) };
    let child =
        command.spawn().with_context(|| format!("cannot start {} under a tracer", line[0].display()))?;
    let first = Pid::from_raw(child.id().cast_signed());
    let mut tracer = Tracer { notes, known: HashMap::new(), seen: Default::default() };
    tracer.follow(first)
}

struct Tracer {
    notes: File,
    /// Threads, each with the system call that it is in.
    known: HashMap<Pid, Option<PendingCall>>,
    seen: std::collections::BTreeSet<Access>,
}

/// System call that has begun.
struct PendingCall {
    accesses: Vec<Access>,
}

impl Tracer {
    fn follow(&mut self, first: Pid) -> Result<u8> {
        let mut exit_status = 0;
        loop {
            let status = match waitpid(None, Some(WaitPidFlag::__WALL)) {
                Ok(status) => status,
                Err(Errno::EINTR) => continue,
                Err(Errno::ECHILD) => return Ok(exit_status),
                Err(error) => return Err(error).context("cannot wait for the server"),
            };
            match status {
                WaitStatus::Exited(pid, code) => {
                    self.known.remove(&pid);
                    if pid == first {
                        exit_status = u8::try_from(code).unwrap_or(1);
                    }
                }
                WaitStatus::Signaled(pid, signal, _) => {
                    self.known.remove(&pid);
                    if pid == first {
                        exit_status = 128 + u8::try_from(signal as i32).unwrap_or(0);
                    }
                }
                WaitStatus::PtraceSyscall(pid) => {
                    self.system_call(pid);
                    resume(pid, None);
                }
                WaitStatus::PtraceEvent(pid, _, event) => {
                    if event == ptrace::Event::PTRACE_EVENT_EXEC as i32 {
                        self.executed(pid);
                    }
                    resume(pid, None);
                }
                WaitStatus::Stopped(pid, signal) => self.stopped(pid, signal, first),
                WaitStatus::Continued(_) | WaitStatus::StillAlive => {}
            }
        }
    }

    /// The first stop of a thread is the tracer's; others deliver a signal.
    fn stopped(&mut self, pid: Pid, signal: Signal, first: Pid) {
        let is_new = !self.known.contains_key(&pid);
        if is_new {
            self.known.insert(pid, None);
        }
        if is_new && pid == first {
            let follow = Options::PTRACE_O_TRACESYSGOOD
                | Options::PTRACE_O_TRACECLONE
                | Options::PTRACE_O_TRACEFORK
                | Options::PTRACE_O_TRACEVFORK
                | Options::PTRACE_O_TRACEEXEC
                | Options::PTRACE_O_EXITKILL;
            // The process may be gone already.
            let _ = ptrace::setoptions(pid, follow);
            self.executed(pid);
        }
        resume(pid, (!is_new).then_some(signal));
    }

    fn executed(&mut self, pid: Pid) {
        if let Ok(program) = std::fs::read_link(format!("/proc/{pid}/exe")) {
            self.note(Access { usage: Use::Read, path: program });
        }
    }

    fn system_call(&mut self, pid: Pid) {
        let Ok(info) = ptrace::syscall_info(pid) else { return };
        match info.op {
            libc::PTRACE_SYSCALL_INFO_ENTRY => {
                // SAFETY: `op` says that this member of the union is set.
                let entry = unsafe { info.u.entry };
                let accesses = calls::of_number(entry.nr).map(|call| accesses(pid, call, &entry.args));
                self.known.insert(pid, accesses.map(|accesses| PendingCall { accesses }));
            }
            libc::PTRACE_SYSCALL_INFO_EXIT => {
                // SAFETY: as above.
                let failed = unsafe { info.u.exit }.is_error != 0;
                let pending = self.known.insert(pid, None).flatten();
                if let Some(call) = pending.filter(|_| !failed) {
                    call.accesses.into_iter().for_each(|access| self.note(access));
                }
            }
            _ => {}
        }
    }

    /// Appends a note, once. Paths with line breaks cannot be noted; nobody bundles such files.
    fn note(&mut self, access: Access) {
        let is_plain =
            access.path.is_absolute() && !access.path.as_os_str().as_encoded_bytes().contains(&b'\n');
        if is_plain && self.seen.insert(access.clone()) {
            // Without notes, the bundle would lack files; the check of the bundle shows that.
            let _ = writeln!(self.notes, "{access}");
        }
    }
}

fn resume(pid: Pid, signal: Option<Signal>) {
    // A thread that is gone needs no resumption.
    let _ = ptrace::syscall(pid, signal);
}

/// Returns what a system call accesses if it succeeds.
fn accesses(pid: Pid, call: &Call, arguments: &[u64; 6]) -> Vec<Access> {
    let paths = call.paths.iter().filter_map(|argument| path(pid, argument, arguments));
    let usage = call.usage(arguments);
    paths
        .flat_map(|(path, base)| {
            let base = base.map(|path| Access { usage: Use::WorkingDirectory, path });
            [Some(Access { usage, path }), base].into_iter().flatten()
        })
        .collect()
}

/// Returns the absolute path of an argument, and the working directory if it is relative to that.
fn path(pid: Pid, argument: &Argument, arguments: &[u64; 6]) -> Option<(PathBuf, Option<PathBuf>)> {
    let given = read_string(pid, arguments[argument.path]).ok()?;
    if given.is_absolute() {
        return Some((normalized(&given), None));
    }
    if given.as_os_str().is_empty() {
        return None;
    }
    // The kernel passes the number in the lower half of the register.
    let directory = argument.directory.map_or(libc::AT_FDCWD, |index| arguments[index] as i32);
    let is_working = directory == libc::AT_FDCWD;
    let link = if is_working { format!("/proc/{pid}/cwd") } else { format!("/proc/{pid}/fd/{directory}") };
    let base = std::fs::read_link(link).ok()?;
    Some((normalized(&base.join(given)), is_working.then_some(base)))
}

/// Reads a string that ends with a zero byte from the memory of a process.
fn read_string(pid: Pid, address: u64) -> io::Result<PathBuf> {
    use std::os::unix::ffi::OsStringExt;

    let memory = File::open(format!("/proc/{pid}/mem"))?;
    let mut string = Vec::new();
    let mut at = address;
    while string.len() < MAX_PATH_BYTES {
        let room = PAGE_BYTES - usize::try_from(at).unwrap_or(0) % PAGE_BYTES;
        let mut chunk = vec![0; room];
        let count = memory.read_at(&mut chunk, at)?;
        if let Some(end) = memchr::memchr(0, &chunk[..count]) {
            string.extend_from_slice(&chunk[..end]);
            return Ok(OsString::from_vec(string).into());
        }
        if count == 0 {
            break;
        }
        string.extend_from_slice(&chunk[..count]);
        at += count as u64;
    }
    Err(io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::accesses::Accesses;

    #[test]
    fn used_paths_are_noted_in_all_processes() {
        let directory = tempfile::tempdir().expect("a directory");
        let notes = directory.path().join("notes");
        let used = directory.path().join("used");
        std::fs::write(&used, "x").expect("written");
        let script =
            format!("cd {} && (cat used; : > new; test -e missing); true", directory.path().display());
        // A process of its own, because this one has children of other tests.
        let status = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "bundle::tracer::tests::helper", "--ignored"])
            .env("NOTES", &notes)
            .env("SCRIPT", script)
            .status()
            .expect("starts");
        assert!(status.success());
        let mut accesses = Accesses::default();
        accesses.add_notes(&std::fs::read_to_string(&notes).expect("notes"));
        let with = |usage| accesses.with(usage).map(Path::to_owned).collect::<Vec<_>>();
        assert!(with(Use::Read).contains(&used), "{accesses:?}");
        assert!(with(Use::Written).contains(&directory.path().join("new")), "{accesses:?}");
        assert!(with(Use::WorkingDirectory).contains(&directory.path().to_owned()), "{accesses:?}");
        assert!(!accesses.iter().any(|(path, _)| path.ends_with("missing")), "{accesses:?}");
    }

    #[test]
    #[ignore = "a part of used_paths_are_noted_in_all_processes"]
    fn helper() {
        let line = ["/bin/sh", "-c"].map(OsString::from).into_iter().chain(std::env::var_os("SCRIPT"));
        let notes = PathBuf::from(std::env::var_os("NOTES").expect("set"));
        assert_eq!(run(&notes, &line.collect::<Vec<_>>()).expect("traced"), 0);
    }
}
