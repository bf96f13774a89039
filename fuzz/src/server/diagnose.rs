//! Diagnosis of a server that does not serve: the phase that it reached, the system calls that its threads wait
//! in, and the remedy.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use memchr::memmem;
use procfs::process::{Process, Stat};
use sockfuzz_protocol::{IO_URING_REFUSED, Phase};
use syscalls::Sysno;

use crate::server::command::Server;
use crate::server::process_tree;
use crate::util::printable::{counted, last_lines};
use crate::util::{exit_code, problem::Problem};

/// Maximum number of lines of the server's output in a message.
const MAX_OUTPUT_LINES: usize = 4;

/// Remedy for a server that goes to the background.
const FOREGROUND_REMEDY: &str = "keep it in the foreground: nginx -g 'daemon off; \
     master_process off;', lighttpd -D, httpd -X, others have a flag such as --foreground or \
     --no-daemon";

/// Remedy for a server that serves only without the sandbox.
pub const SANDBOX_REMEDY: &str = "let it write where it has to with --writable DIR, reach the machine's \
     network with --network host, or, if you trust it with your files, give --sandbox off";

/// Describes an exit status, e.g. `exit status 1` or `SIGSEGV (signal 11)`.
#[must_use]
pub fn describe_exit(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(number)) => signal_name(number),
        (None, None) => status.to_string(),
    }
}

/// Returns the exit status that a shell reports for this status.
#[must_use]
pub fn shell_status(status: ExitStatus) -> u8 {
    let number = status.code().or_else(|| Some(i32::from(exit_code::SIGNAL_BASE) + status.signal()?));
    number.and_then(|number| u8::try_from(number).ok()).unwrap_or(exit_code::FAILED)
}

/// Returns the name and the number of a signal.
#[must_use]
pub fn signal_name(number: i32) -> String {
    match signal_hook::low_level::signal_name(number) {
        Some(name) => format!("{name} (signal {number})"),
        None => format!("signal {number}"),
    }
}

/// Current system calls of the threads of all descendants, with the number of threads in each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ThreadStates(BTreeMap<(String, String), usize>);

impl ThreadStates {
    /// Reads the state of every thread of every descendant.
    #[must_use]
    pub fn capture() -> Self {
        let mut states = Self::default();
        for Stat { pid, .. } in process_tree::own_descendants() {
            let tasks = Process::new(pid).and_then(|process| process.tasks());
            for task in tasks.into_iter().flatten().flatten() {
                let Ok(stat) = task.stat() else { continue };
                let call = call_of(pid, task.tid, stat.state);
                *states.0.entry((stat.comm, call)).or_default() += 1;
            }
        }
        states
    }
}

impl fmt::Display for ThreadStates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no thread is left");
        }
        for (index, ((name, call), count)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            match count {
                1 => write!(f, "{separator}{name} in {call}")?,
                _ => write!(f, "{separator}{count} threads {name} in {call}")?,
            }
        }
        Ok(())
    }
}

/// Returns the system call that a thread is in (proc_pid_syscall(5)), or a description of its state.
fn call_of(pid: i32, tid: i32, state: char) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{tid}/syscall")).unwrap_or_default();
    let number = text.split_whitespace().next().and_then(|word| word.parse().ok());
    match number.and_then(Sysno::new) {
        Some(call) => call.name().to_owned(),
        None if state == 'R' => "its own code, running".to_owned(),
        None => format!("an unknown call (state {state})"),
    }
}

/// State of a failed server, from which a message is made.
#[derive(Debug)]
pub struct Diagnosis<'a> {
    /// The server.
    pub server: &'a Server,
    /// The last phase that the preload reported.
    pub phase: Phase,
    /// Output of the server.
    pub output: &'a [u8],
}

impl Diagnosis<'_> {
    /// Describes a server whose first process ended before it accepted a connection.
    #[must_use]
    pub fn exited(&self, status: ExitStatus) -> Problem {
        let before = match self.phase {
            Phase::Absent => "before the preload was loaded",
            Phase::Loaded => "before it listened",
            _ => "before it accepted a connection",
        };
        let remedy = match status.signal() {
            Some(libc::SIGSYS) => {
                "a seccomp filter does not allow a call that sockfuzz needs. It is the server's own, \
                                   or one of the container's: turn it off in the server's configuration"
                    .to_owned()
            }
            _ if memmem::find(self.output, IO_URING_REFUSED.as_bytes()).is_some() => {
                "the server requires io_uring, whose operations sockfuzz cannot intercept: build or configure it \
                 with epoll (monoio: its legacy driver; tokio-uring: tokio)"
                    .to_owned()
            }
            _ => format!("run it by hand and fix the error that it reports: {}", self.server.command_line()),
        };
        self.problem(
            exit_code::EXITS,
            format!("the server exits at once: {}, {before}", describe_exit(status)),
            remedy,
        )
    }

    /// Describes a failure of the preload before the server accepted a connection.
    #[must_use]
    pub fn internal_error(&self) -> Problem {
        self.problem(exit_code::FAILED, "sockfuzz failed, not the server".to_owned(), "please report it")
    }

    /// Describes a server whose first process ended while others continue.
    #[must_use]
    pub fn daemonized(&self, status: ExitStatus, left: &[Stat]) -> Problem {
        let others: Vec<_> =
            left.iter().map(|stat| format!("{} (process {})", stat.comm, stat.pid)).collect();
        let others = match others.as_slice() {
            [] => "another process continued".to_owned(),
            others => format!("still running: {}", others.join(", ")),
        };
        self.problem(
            exit_code::DAEMONIZES,
            format!(
                "the server goes to the background: its first process ended ({}), {others}",
                describe_exit(status)
            ),
            FOREGROUND_REMEDY,
        )
    }

    /// Describes a server that accepted no connection within the time limit.
    #[must_use]
    pub fn stuck(&self, threads: &ThreadStates, after: Duration) -> Problem {
        let after = format!("after {} s: {threads}", after.as_secs_f64());
        match self.phase {
            Phase::Absent => self.problem(
                exit_code::NOT_PRELOADABLE,
                format!("the preload was not loaded into the server; {after}"),
                "start the server itself, not a wrapper that clears its environment or starts a \
                 static program",
            ),
            Phase::Loaded => self.problem(
                exit_code::NEVER_LISTENS,
                format!("the server never listens; {after}"),
                "configure it to listen on a TCP address, e.g. 127.0.0.1:8080 (with --port, on \
                 that port); name a UNIX-domain socket with --port PATH; if it inherits its \
                 listener, add --socket-activation on; if it makes system calls that bypass libc, \
                 add --syscalls trap; give a slow server more time with --timeout",
            ),
            _ => self.problem(
                exit_code::NEVER_ACCEPTS,
                format!("the server listens, but never accepts; {after}"),
                "let the process that listens accept as well (no master process, at least one \
                 worker); choose among several listeners with --port; if it waits in system calls \
                 that bypass libc, add --syscalls trap; give a slow server more time with --timeout",
            ),
        }
    }

    /// Describes a server that answered no seed.
    #[must_use]
    pub fn never_answers(&self, seeds: usize) -> Problem {
        self.problem(
            exit_code::NEVER_ANSWERS,
            format!("the server accepts, but answers nothing to {}", counted(seeds as u64, "seed", "seeds")),
            "give seeds in the protocol that this listener speaks (plain HTTP, no TLS), or choose \
             another listener with --port",
        )
    }

    fn problem(&self, exit_code: u8, what: String, remedy: impl Into<String>) -> Problem {
        let lines =
            last_lines(self.output, MAX_OUTPUT_LINES).into_iter().map(|line| format!("\n  output: {line}"));
        Problem::new(exit_code, lines.fold(what, |what, line| what + &line), remedy)
    }
}
