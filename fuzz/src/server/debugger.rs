//! Plain server under gdb: its state at a crash, and where its threads are when it hangs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use procfs::process::Process;

use crate::server::plain_run;
use crate::server::plain_server::PlainServer;
use crate::server::process_tree;
use crate::server::single_run::RunConfig;
use crate::util::interrupt;
use crate::util::memory_file::MemoryFile;

/// Factor by which time limits are longer under gdb, which reads symbols before it starts the server.
pub(super) const GDB_TIMEOUT_FACTOR: u32 = 6;

/// Time in which gdb attaches to a process and writes a stack.
const ATTACH_TIMEOUT: Duration = Duration::from_secs(20);

/// Interval between two looks at a server that hangs.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(20);

/// Number of looks at a server that hangs.
const SAMPLES: usize = 3;

/// Settings of gdb for every use.
const SETTINGS: &[&str] = &[
    "set pagination off",
    "set confirm off",
    "set debuginfod enabled off",
    "set filename-display absolute",
    "set print frame-arguments none",
];

/// Section of gdb's output about a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Signal's information, as siginfo_t.
    Signal,
    /// Stack of the thread, one frame per line.
    Stack,
    /// Registers with their values.
    Registers,
    /// Mapped files.
    Mappings,
    /// Bytes of the instructions at the crash.
    Code,
}

/// Commands of gdb for the sections, in the order of their output.
const SECTIONS: &[(Section, &str, &str)] = &[
    (Section::Signal, "@signal", "print/x $_siginfo"),
    (Section::Stack, "@stack", "backtrace 60"),
    (Section::Registers, "@registers", "info registers"),
    (Section::Mappings, "@mappings", "info proc mappings"),
    (Section::Code, "@code", "x/64bx $pc"),
];

/// Returns the commands of gdb for all sections.
pub(super) fn section_commands() -> impl Iterator<Item = String> {
    SECTIONS.iter().flat_map(|(_, mark, text)| [format!("echo \\n{mark}\\n"), (*text).to_owned()])
}

/// Output of gdb about a crash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrashState(String);

impl From<&str> for CrashState {
    fn from(output: &str) -> Self {
        Self(output.to_owned())
    }
}

impl CrashState {
    /// Returns the text of a section; empty if gdb could not tell.
    #[must_use]
    pub fn section(&self, section: Section) -> &str {
        let mark = SECTIONS.iter().find(|row| row.0 == section).map_or("", |row| row.1);
        let begin = self.0.split_once(&format!("\n{mark}\n")).map_or("", |(_, rest)| rest);
        begin.split("\n@").next().unwrap_or_default().trim()
    }
}

/// Returns the path of gdb, if it is installed.
#[must_use]
pub fn find() -> Option<PathBuf> {
    which::which("gdb").ok()
}

/// Sends the inputs to a plain server under gdb, and returns its state at the crash; `None` if it does not crash.
///
/// # Errors
/// When the server never listens, or the user interrupts.
pub fn crash_state(config: &RunConfig<'_>, inputs: &[Vec<u8>]) -> Result<Option<CrashState>> {
    let Some(gdb) = find() else { return Ok(None) };
    let mut command = gdb_command(&gdb);
    let run = ["set startup-with-shell off", "handle all nostop noprint pass"];
    let stop = "handle SIGSEGV SIGBUS SIGILL SIGFPE SIGABRT SIGSYS stop print nopass";
    for text in run.iter().chain([&stop, &"run"]) {
        command.args(["-ex", text]);
    }
    for text in section_commands() {
        command.args(["-ex", &text]);
    }
    command.args(["-ex", "kill", "--args"]).arg(&config.server.program).args(&config.server.arguments);
    command.envs(&config.server.variables);
    let patience = config.timeout * GDB_TIMEOUT_FACTOR;
    let mut server = PlainServer::start_by(command, config.server, &config.options.parsed(), patience)?;
    plain_run::send(&mut server, config, inputs, drop)?;
    let ended = server.end_within(patience)?;
    let state = CrashState::from(&*String::from_utf8_lossy(&server.output()?));
    Ok(ended.map(|_| state).filter(|state| state.section(Section::Stack).starts_with('#')))
}

/// Sends the inputs to a plain server, and returns stacks of a thread that runs, or of the first thread if none does,
/// each as gdb writes it; none if it answers. Without gdb, returns none.
///
/// # Errors
/// When the server never listens, or the user interrupts.
pub fn stacks_of_hang(config: &RunConfig<'_>, inputs: &[Vec<u8>]) -> Result<Vec<String>> {
    let Some(gdb) = find() else { return Ok(Vec::new()) };
    let mut server = PlainServer::start(config.server, &config.options.parsed(), config.timeout)?;
    if !plain_run::send(&mut server, config, inputs, drop)? {
        return Ok(Vec::new());
    }
    let mut stacks = Vec::new();
    for _ in 0..SAMPLES {
        let thread = running_thread().unwrap_or_else(|| server.pid());
        stacks.extend(stack_of(&gdb, thread)?);
        thread::sleep(SAMPLE_INTERVAL);
    }
    Ok(stacks)
}

/// Returns a thread of the server that runs or can run (proc_pid_stat(5), state `R`).
fn running_thread() -> Option<i32> {
    let processes = process_tree::own_descendants();
    let tasks =
        processes.iter().filter_map(|stat| Process::new(stat.pid).ok()?.tasks().ok()).flatten().flatten();
    tasks.into_iter().filter_map(|task| task.stat().ok()).find(|stat| stat.state == 'R').map(|stat| stat.pid)
}

/// Returns the stack of a thread. (gdb attaches to the thread's process, and selects the thread that it was given.)
fn stack_of(gdb: &Path, thread: i32) -> Result<Option<String>> {
    let output = MemoryFile::new(b"")?;
    let mut command = gdb_command(gdb);
    command.args(["-p", &thread.to_string(), "-ex", "backtrace 60", "-ex", "detach"]);
    command.stdin(Stdio::null()).stdout(output.stdio()?).stderr(Stdio::null());
    let mut child = command.spawn()?;
    let deadline = Instant::now() + ATTACH_TIMEOUT;
    while child.try_wait()?.is_none() && Instant::now() < deadline {
        interrupt::check()?;
        thread::sleep(SAMPLE_INTERVAL);
    }
    // It has ended, or takes too long.
    let _ = child.kill();
    child.wait()?;
    let text = String::from_utf8_lossy(&output.content()?).into_owned();
    let frames: Vec<_> = text.lines().filter(|line| line.starts_with('#')).collect();
    Ok((!frames.is_empty()).then(|| frames.join("\n")))
}

fn gdb_command(gdb: &Path) -> Command {
    let mut command = Command::new(gdb);
    command.args(["-batch", "-nx"]);
    for setting in SETTINGS {
        command.args(["-ex", setting]);
    }
    command
}
