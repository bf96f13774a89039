//! Backtrace of a crash, made by running the input once more under gdb; without gdb, from the stack that the process has
//! recorded.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

use anyhow::Result;

use crate::server::debugger::{self, CrashState, GDB_TIMEOUT_FACTOR, Section};
use crate::server::running::{RunningProcess, WaitOutcome};
use crate::server::single_run::{RunConfig, SingleRun};
use crate::server::status_file::StatusFile;
use crate::util::memory_file::MemoryFile;
use crate::util::shell::shell_quoted;

/// Returns the backtrace of the crash by which `input` has ended `run`, or one line with the reason why there is none.
///
/// # Errors
/// When gdb cannot be started, or the user interrupts.
pub fn backtrace(config: &RunConfig<'_>, input: &[u8], run: &SingleRun) -> Result<String> {
    let recorded = || run.crash_stack().map(|stack| stack.to_string());
    let Some(gdb) = debugger::find() else {
        return Ok(recorded().unwrap_or_else(|| NOT_RECORDED.to_owned()));
    };
    let by_gdb = match play(&gdb, config, input, ["backtrace 40".to_owned()])? {
        Some((output, status)) => frames(&output, status),
        None => Err("(no backtrace: gdb did not finish in time)".to_owned()),
    };
    Ok(by_gdb.unwrap_or_else(|reason| recorded().unwrap_or(reason)))
}

/// Returns the state of the server at the crash that `input` causes under the preload; `None` without gdb, or if it does
/// not crash there.
///
/// # Errors
/// When gdb cannot be started, or the user interrupts.
pub fn crash_state(config: &RunConfig<'_>, input: &[u8]) -> Result<Option<CrashState>> {
    let Some(gdb) = debugger::find() else { return Ok(None) };
    let settings = ["set print frame-arguments none", "set print frame-info location-and-address"];
    let commands = settings.map(str::to_owned).into_iter().chain(debugger::section_commands());
    let output = play(&gdb, config, input, commands)?;
    let state = output.map(|(output, _)| CrashState::from(&*String::from_utf8_lossy(&output)));
    Ok(state.filter(|state| state.section(Section::Stack).starts_with('#')))
}

/// Runs the input under gdb, and returns what gdb has written when the server had crashed or ended.
fn play(
    gdb: &Path,
    config: &RunConfig<'_>,
    input: &[u8],
    commands: impl IntoIterator<Item = String>,
) -> Result<Option<(Vec<u8>, ExitStatus)>> {
    let status = StatusFile::in_memory()?;
    let preloaded = config.server.preloaded(config.library, config.options, &status);
    let directory = tempfile::tempdir()?;
    let script = directory.path().join("commands");
    let stdin = directory.path().join("input");
    fs::write(&stdin, input)?;
    fs::write(&script, gdb_script(&preloaded, stdin.as_os_str(), commands))?;

    let output = MemoryFile::new(b"")?;
    let mut command = Command::new(gdb);
    command
        .args(["-batch", "-nx", "-x"])
        .arg(&script)
        .arg("--args")
        .arg(&config.server.program)
        .args(&config.server.arguments)
        .stdin(Stdio::null())
        .stdout(output.stdio()?)
        .stderr(output.stdio()?);
    if let Some(directory) = config.server.directory() {
        command.current_dir(directory);
    }
    let mut running = RunningProcess::start_in_background(command)?;
    let deadline = Instant::now() + config.timeout * GDB_TIMEOUT_FACTOR;
    let waited = running.wait(Some(deadline), || false)?;
    drop(running);
    Ok(match waited {
        WaitOutcome::Ended(status) => Some((output.content()?, status)),
        _ => None,
    })
}

/// Reason why there is no backtrace.
const NOT_RECORDED: &str =
    "(no backtrace: the server handles the signal itself, or another process of it crashed)";

/// Returns the commands for gdb. A wrapper sets the server's environment, so that neither gdb nor its shell is
/// preloaded.
fn gdb_script(preloaded: &Command, stdin: &OsStr, commands: impl IntoIterator<Item = String>) -> String {
    let assignments: Vec<OsString> =
        preloaded.get_envs().filter_map(|(name, value)| Some([name, value?].join(OsStr::new("=")))).collect();
    let commands: Vec<_> = commands.into_iter().collect();
    format!(
        "set pagination off\nset confirm off\nset debuginfod enabled off\n\
         set exec-wrapper env {}\nrun < {} > /dev/null 2>&1\n{}\n",
        shell_quoted(assignments.iter().map(OsString::as_os_str)),
        shell_quoted([stdin]),
        commands.join("\n")
    )
}

/// Returns the frames in gdb's output, or the reason why there are none.
fn frames(output: &[u8], status: ExitStatus) -> Result<String, String> {
    let text = String::from_utf8_lossy(output);
    let frames: Vec<_> = text.lines().filter(|line| line.starts_with('#')).collect();
    if frames.is_empty() {
        return Err(format!("(no backtrace: the crash did not recur under gdb, {status})"));
    }
    Ok(frames.join("\n"))
}
