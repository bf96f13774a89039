//! Scripts that show a bug on the plain server with nothing of ours: for bash, if that suffices, and for Python.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use minijinja::value::Serde;
use minijinja::{Environment, Value, context};
use serde::Serialize;
use sockfuzz_protocol::InputFormat;
use sockfuzz_protocol::session::{Action, Session};

use crate::server::Server;
use crate::server::running::{RunningProcess, WaitOutcome};
use crate::server::tcp_client;
use crate::util::shell::shell_quoted;

/// Number of attempts to show a bug with a new script.
pub(super) const TRIES: u32 = 3;

/// Time that a script has.
const SCRIPT_TIMEOUT: Duration = Duration::from_secs(60);

/// What the script expects of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ExpectedEnd {
    /// It ends, by a signal or with a status other than 0.
    Ended,
    /// It ends in any way.
    Exited,
    /// It writes the message of a Rust panic.
    Panicked,
    /// It writes a sanitizer's report.
    Reported,
    /// It does not answer in time.
    TimedOut,
    /// It accepts no more connections.
    StoppedAccepting,
    /// It answers with a status.
    Answered,
}

/// Script that shows a bug.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Script {
    /// Name of its file.
    pub(super) name: &'static str,
    /// What it needs.
    pub(super) needs: &'static str,
    /// Whether it showed the bug when it was tried.
    pub(super) worked: bool,
}

/// What a script has to do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reproducer<'a> {
    /// One line that describes the bug.
    pub(super) title: &'a str,
    /// The server.
    pub(super) server: &'a Server,
    /// Port at which it listens.
    pub(super) port: u16,
    /// Inputs to send, one after the other.
    pub(super) inputs: &'a [Vec<u8>],
    /// Their format.
    pub(super) format: InputFormat,
    /// What has to happen.
    pub(super) expected: ExpectedEnd,
    /// Status of the answer, if one is expected.
    pub(super) status: u16,
    /// Time in which the server has to answer.
    pub(super) timeout: Duration,
}

impl Reproducer<'_> {
    /// Writes the scripts into a folder, and tries each of them. The one for bash, which cannot do everything, stays only
    /// if it works.
    ///
    /// # Errors
    /// When a script cannot be written or run, or the user interrupts.
    pub(super) fn write(&self, folder: &Path) -> Result<Vec<Script>> {
        let mut scripts = Vec::new();
        if let Some(text) = self.bash()? {
            let path = folder.join("reproduce.sh");
            write_executable(&path, &text)?;
            if works(&path)? {
                scripts.push(Script { name: "reproduce.sh", needs: "bash and coreutils", worked: true });
            } else {
                fs::remove_file(&path)?;
            }
        }
        let path = folder.join("reproduce.py");
        write_executable(&path, &self.python()?)?;
        scripts.push(Script { name: "reproduce.py", needs: "Python 3", worked: works(&path)? });
        Ok(scripts)
    }

    /// Whether a step refers to an earlier answer, so that the script has to read the answers.
    fn has_references(&self) -> bool {
        let session = |input: &Vec<u8>| Session::of_input(input, self.format);
        self.inputs.iter().any(|input| tcp_client::has_references(&session(input)))
    }

    /// Returns the script for bash; `None` if that cannot do the steps.
    fn bash(&self) -> Result<Option<String>> {
        let needs_python = matches!(
            self.expected,
            ExpectedEnd::TimedOut | ExpectedEnd::StoppedAccepting | ExpectedEnd::Answered
        );
        if needs_python || self.has_references() {
            return Ok(None);
        }
        let inputs: Option<Vec<_>> =
            self.inputs.iter().map(|input| bash_lines(&Session::of_input(input, self.format))).collect();
        let Some(inputs) = inputs else { return Ok(None) };
        let what = match self.inputs {
            [one] => format!("an input of {} bytes", one.len()),
            several => format!("{} inputs", several.len()),
        };
        let directory = directory()?;
        Ok(Some(Environment::new().render_str(
            include_str!("templates/reproduce.sh"),
            context! {
                title => self.title, what, port => self.port, inputs, kind => Value::from(Serde(self.expected)),
                command => shell_quoted(self.server.portable_line().iter().map(OsString::as_os_str)),
                directory => shell_quoted([directory.as_os_str()]),
            },
        )?))
    }

    fn python(&self) -> Result<String> {
        let line = self.server.portable_line();
        let command: Vec<_> = line.iter().map(|word| word.to_string_lossy()).collect();
        let inputs: Vec<_> =
            self.inputs.iter().map(|input| python_steps(&Session::of_input(input, self.format))).collect();
        let references = self.has_references().then_some(include_str!("templates/references.py"));
        Ok(Environment::new().render_str(
            include_str!("templates/reproduce.py"),
            context! {
                references,
                port => self.port, inputs, kind => Value::from(Serde(self.expected)), status => self.status,
                command => serde_json::to_string(&command)?,
                directory => serde_json::to_string(&directory()?.to_string_lossy())?,
                answer_seconds => self.timeout.as_secs_f64(),
            },
        )?)
    }
}

fn directory() -> Result<PathBuf> {
    std::env::current_dir().context("the working directory is gone")
}

fn write_executable(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text)
        .and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o755)))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Runs a script until it shows the bug, at most [`TRIES`] times.
fn works(script: &Path) -> Result<bool> {
    for _ in 0..TRIES {
        let mut command = Command::new(script);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // Without an interpreter, it has not worked.
        let Ok(mut running) = RunningProcess::start_in_background(command) else { return Ok(false) };
        match running.wait(Some(Instant::now() + SCRIPT_TIMEOUT), || false)? {
            WaitOutcome::Ended(status) if status.success() => return Ok(true),
            WaitOutcome::Ended(_) => {}
            WaitOutcome::Done | WaitOutcome::TimedOut => return Ok(false),
        }
    }
    Ok(false)
}

/// Returns the lines of bash that do the steps; `None` if bash cannot: it knows no half-close and no reset.
fn bash_lines(session: &Session) -> Option<Vec<String>> {
    let mut lines = Vec::new();
    let mut open = Vec::new();
    let several = session.steps().len() > 1;
    for step in session.steps() {
        // Descriptors 0 to 2 have other uses.
        let descriptor = step.connection.index() + 3;
        if matches!(step.action, Action::Send(_) | Action::Open) && !open.contains(&descriptor) {
            lines.push(format!("exec {descriptor}<>\"/dev/tcp/127.0.0.1/$port\""));
            open.push(descriptor);
        }
        match &step.action {
            Action::Send(bytes) => lines.push(format!("printf '{}' >&{descriptor}", printf_format(bytes))),
            Action::Open => {}
            Action::Close => {
                lines.push(format!("exec {descriptor}>&-"));
                open.retain(|other| *other != descriptor);
            }
            Action::HalfClose | Action::Reset => return None,
        }
        if several {
            lines.push("sleep 0.05".to_owned());
        }
    }
    for descriptor in open {
        lines.push(format!("timeout 1 cat <&{descriptor} >/dev/null"));
        lines.push(format!("exec {descriptor}>&-"));
    }
    Some(lines)
}

/// Returns the bytes as a format of printf(1) between single quotes.
fn printf_format(bytes: &[u8]) -> String {
    let mut format = String::new();
    for &byte in bytes {
        match byte {
            b'\r' => format.push_str("\\r"),
            b'\n' => format.push_str("\\n"),
            b'%' => format.push_str("%%"),
            b'\\' => format.push_str("\\\\"),
            b' '..=b'~' if byte != b'\'' => format.push(char::from(byte)),
            _ => format.push_str(&format!("\\{byte:03o}")),
        }
    }
    format
}

fn python_steps(session: &Session) -> String {
    let steps = session.steps().iter().map(|step| {
        let (action, bytes) = match &step.action {
            Action::Send(bytes) => ("send", bytes.as_slice()),
            Action::Open => ("open", &b""[..]),
            Action::HalfClose => ("half-close", &b""[..]),
            Action::Close => ("close", &b""[..]),
            Action::Reset => ("reset", &b""[..]),
        };
        format!("({}, \"{action}\", b\"{}\")", step.connection, bytes.escape_ascii())
    });
    steps.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printf_writes_every_byte_as_it_is() {
        let bytes: Vec<u8> = (0..=u8::MAX).chain(*b"%d 10%\\n'").collect();
        let script = format!("printf '{}'", printf_format(&bytes));
        let output = Command::new("bash").args(["-c", &script]).output().expect("bash");
        assert_eq!(output.stdout, bytes);
    }

    #[test]
    fn bash_opens_each_connection_once_and_knows_no_half_close() {
        let lines = bash_lines(&Session::decode(b"GET \xf5\x41x\xf5\x40/")).expect("possible");
        assert_eq!(
            lines.iter().filter(|line| line.starts_with("exec") && line.contains("/dev/tcp")).count(),
            2
        );
        assert_eq!(bash_lines(&Session::decode(b"GET\xf5\x48")), None);
    }
}
