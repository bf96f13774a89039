//! Backtrace of a crash, made by running the input once more under gdb.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

use anyhow::Result;

use crate::server::debugger::{self, GDB_TIMEOUT_FACTOR};
use crate::server::running::{RunningProcess, WaitOutcome};
use crate::server::single_run::RunConfig;
use crate::server::status_file::StatusFile;
use crate::util::memory_file::MemoryFile;
use crate::util::shell::shell_quoted;

/// Returns the backtrace of the crash that `input` causes, or one line with the reason why there is none.
///
/// # Errors
/// When gdb cannot be started, or the user interrupts.
pub fn backtrace(config: &RunConfig<'_>, input: &[u8]) -> Result<String> {
    let Some(gdb) = debugger::find() else {
        return Ok("(install gdb for a backtrace)".to_owned());
    };
    let status = StatusFile::in_memory()?;
    let preloaded = config.server.preloaded(config.library, config.options, &status);
    let directory = tempfile::tempdir()?;
    let script = directory.path().join("commands");
    let stdin = directory.path().join("input");
    fs::write(&stdin, input)?;
    fs::write(&script, gdb_script(&preloaded, stdin.as_os_str()))?;

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
    let mut running = RunningProcess::start_in_background(command)?;
    let deadline = Instant::now() + config.timeout * GDB_TIMEOUT_FACTOR;
    let waited = running.wait(Some(deadline), || false)?;
    drop(running);
    Ok(match waited {
        WaitOutcome::Ended(status) => frames(&output.content()?, status),
        _ => "(no backtrace: gdb did not finish in time)".to_owned(),
    })
}

/// Returns the commands for gdb. A wrapper sets the server's environment, so that neither gdb nor its shell is
/// preloaded.
fn gdb_script(preloaded: &Command, stdin: &OsStr) -> String {
    let assignments: Vec<OsString> =
        preloaded.get_envs().filter_map(|(name, value)| Some([name, value?].join(OsStr::new("=")))).collect();
    format!(
        "set pagination off\nset confirm off\nset debuginfod enabled off\n\
         set exec-wrapper env {}\nrun < {} > /dev/null 2>&1\nbacktrace 40\n",
        shell_quoted(assignments.iter().map(OsString::as_os_str)),
        shell_quoted([stdin])
    )
}

fn frames(output: &[u8], status: ExitStatus) -> String {
    let text = String::from_utf8_lossy(output);
    let frames: Vec<_> = text.lines().filter(|line| line.starts_with('#')).collect();
    if frames.is_empty() {
        return format!("(no backtrace: the crash did not recur under gdb, {status})");
    }
    frames.join("\n")
}
