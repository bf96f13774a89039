//! Folder of a bug: the reduced inputs as bytes and as text, a history for `sockfuzz replay`, scripts that show the bug
//! on the plain server with nothing of ours, the server's output, a text that says what was seen, and the record.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use indicatif::HumanDuration;
use memchr::memmem;
use minijinja::value::Serde;
use minijinja::{Environment, Value, context};
use object::Object;
use sockfuzz_protocol::history::History;
use sockfuzz_protocol::session::Session;
use sockfuzz_protocol::{InputFormat, batch};

use super::finding::{FailureKind, Finding};
use super::reproducer::{ExpectedEnd, Reproducer, Script, TRIES};
use super::witness::Witness;
use crate::server::single_run::RunConfig;
use crate::server::tcp_client::TcpAnswers;
use crate::util::printable::{counted, printable};
use crate::util::shell::shell_quoted;

/// Name of the file with all inputs, which `sockfuzz replay` plays in one process.
pub(super) const HISTORY_FILE: &str = "history";

/// Maximum length of the inputs as text in the description, in characters.
const MAX_SHOWN_CHARS: usize = 3000;

/// Maximum number of bytes of an answer that are shown.
const MAX_ANSWER_BYTES: usize = 4096;

/// Substring of the message of a Rust panic.
const RUST_PANIC: &str = "panicked at ";

/// Moves the directory of earlier results away: the user may have added to it. Returns its new path.
///
/// # Errors
/// When it cannot be renamed.
pub fn keep_earlier(directory: &Path) -> Result<Option<PathBuf>> {
    if !directory.exists() {
        return Ok(None);
    }
    let free = (1..).map(|number| directory.with_extension(number.to_string())).find(|path| !path.exists());
    let kept = free.context("no name is free")?;
    fs::rename(directory, &kept).with_context(|| format!("cannot rename {}", directory.display()))?;
    Ok(Some(kept))
}

/// New folder of a bug, with everything that it shows.
#[derive(Debug)]
pub struct BugFolder<'a> {
    /// Path of the folder.
    pub path: PathBuf,
    /// Record of the bug.
    pub finding: &'a Finding,
    /// Its smallest witness.
    pub witness: &'a Witness,
    /// Answers of the plain server.
    pub answers: &'a [TcpAnswers],
    /// The server, and the options of the preload.
    pub config: &'a RunConfig<'a>,
}

impl BugFolder<'_> {
    /// Writes the folder. The record is written last: a folder with a record is complete.
    ///
    /// # Errors
    /// When a file cannot be written or a script cannot be run, or the user interrupts.
    pub fn write(&self) -> Result<()> {
        fs::create_dir_all(&self.path).with_context(|| format!("cannot create {}", self.path.display()))?;
        for (index, input) in self.witness.inputs.iter().enumerate() {
            self.save(&format!("input-{}", index + 1), input)?;
        }
        let text = self.text_of_inputs();
        self.save("inputs.txt", text.as_bytes())?;
        let stream = batch::encode(self.witness.inputs.iter().map(Vec::as_slice));
        self.save(HISTORY_FILE, &History::encode(&self.witness.end.finding, 0, &stream))?;
        self.save("output.txt", &self.witness.end.output)?;
        self.save("answers.txt", self.text_of_answers().as_bytes())?;
        let scripts = match self.witness.end.port {
            port if port > 0 && self.finding.confirmation.happened > 0 => {
                self.reproducer(port).write(&self.path)?
            }
            _ => Vec::new(),
        };
        self.save("README.md", self.description(&text, &scripts)?.as_bytes())?;
        self.finding.write(&self.path)
    }

    fn save(&self, name: &str, content: &[u8]) -> Result<()> {
        let path = self.path.join(name);
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))
    }

    fn format(&self) -> InputFormat {
        self.config.options.parsed().input
    }

    fn reproducer(&self, port: u16) -> Reproducer<'_> {
        let end = self.finding.confirmation.end.as_deref().unwrap_or_default();
        let expected = match self.finding.kind {
            FailureKind::Hang => ExpectedEnd::TimedOut,
            FailureKind::Exit => ExpectedEnd::Exited,
            FailureKind::StoppedAccepting => ExpectedEnd::StoppedAccepting,
            FailureKind::WrongAnswer => ExpectedEnd::Answered,
            _ if end.contains("panic") => ExpectedEnd::Panicked,
            _ if end.contains("report") => ExpectedEnd::Reported,
            _ => ExpectedEnd::Ended,
        };
        Reproducer {
            title: &self.finding.title,
            server: self.config.server,
            port,
            inputs: &self.witness.inputs,
            format: self.format(),
            expected,
            status: status_of(self.finding),
            timeout: self.config.timeout,
        }
    }

    fn text_of_inputs(&self) -> String {
        let mut text = String::new();
        for (index, input) in self.witness.inputs.iter().enumerate() {
            let shown = match self.format() {
                InputFormat::Raw => printable(input, usize::MAX),
                InputFormat::Session => Session::decode(input).to_string(),
            };
            let _ = writeln!(text, "-- input {} ({} bytes)\n{shown}", index + 1, input.len());
        }
        text
    }

    fn text_of_answers(&self) -> String {
        let mut text = String::new();
        for (index, answers) in self.answers.iter().enumerate() {
            let connections = answers.bytes.iter().enumerate().filter(|(_, bytes)| !bytes.is_empty());
            let _ = writeln!(text, "-- input {}", index + 1);
            for (connection, bytes) in connections {
                let _ = writeln!(
                    text,
                    "answer on connection {connection}:\n{}",
                    printable(bytes, MAX_ANSWER_BYTES)
                );
            }
        }
        text
    }

    /// Returns the file that `sockfuzz replay` plays. A wrong answer is judged as in its campaign.
    fn replayed(&self) -> PathBuf {
        match self.finding.kind {
            FailureKind::WrongAnswer => self.witness.source.clone(),
            _ => self.path.join(HISTORY_FILE),
        }
    }

    /// Returns the text for the server's maintainers. It claims only what was tried.
    fn description(&self, text: &str, scripts: &[Script]) -> Result<String> {
        let Finding { confirmation, kind, .. } = self.finding;
        let effect = match (kind, &confirmation.end) {
            (FailureKind::Hang, _) => "does not answer any more".to_owned(),
            (FailureKind::StoppedAccepting, _) => "accepts no more connections".to_owned(),
            (FailureKind::WrongAnswer, Some(end)) => format!("answers wrongly ({end})"),
            (_, Some(end)) => format!("fails ({end})"),
            (_, None) => format!("fails ({})", self.witness.end.cause),
        };
        let bytes: usize = self.witness.inputs.iter().map(Vec::len).sum();
        let inputs = counted(self.witness.inputs.len() as u64, "input", "inputs");
        let first = self.finding.files.first().map(|file| file.display().to_string());
        let first_found = self.finding.first_found_ms.map(Duration::from_millis);
        let options = self.config.options.variables().map(|(name, value)| format!("{name}={value}"));
        Ok(Environment::new().render_str(
            include_str!("templates/finding.md"),
            context! {
                effect,
                scripts => Value::from(Serde(scripts)),
                confirmation => Value::from(Serde(confirmation)),
                title => self.finding.title.as_str(),
                inputs => format!("{inputs} ({bytes} bytes)"),
                is_reduction_cut => self.finding.is_reduction_cut,
                is_rust_panic => memmem::find(&self.witness.end.output, RUST_PANIC.as_bytes()).is_some(),
                tries => TRIES,
                port => self.witness.end.port,
                program => self.config.server.program.display().to_string(),
                command => self.config.server.command_line(),
                directory => std::env::current_dir().unwrap_or_default().display().to_string(),
                text => (text.len() <= MAX_SHOWN_CHARS).then(|| text.trim_end()),
                replayed => shell_quoted([self.replayed().as_os_str()]),
                stack => self.finding.stack.clone(),
                severity => self.finding.severity.as_ref().map(|severity| Value::from(Serde(severity))),
                system => system(),
                build_id => build_id(&self.config.server.program),
                options => options.collect::<Vec<_>>().join(" "),
                files => counted(self.finding.files.len() as u64, "file", "files"),
                first,
                first_found => first_found.map(|time| HumanDuration(time).to_string()),
            },
        )?)
    }
}

/// Returns the status of a wrong answer, from what the plain server does; 0 for another bug.
fn status_of(finding: &Finding) -> u16 {
    let end = finding.confirmation.end.as_deref().and_then(|end| end.strip_prefix("it answers "));
    end.and_then(|rest| rest.get(..3)?.parse().ok()).unwrap_or_default()
}

/// Describes the operating system and the machine.
fn system() -> String {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let kernel = rustix::system::uname();
    format!(
        "{}, Linux {} {}",
        name.unwrap_or("unknown distribution").trim_matches('"'),
        kernel.release().to_string_lossy(),
        kernel.machine().to_string_lossy()
    )
}

/// Returns the build ID of a program in hexadecimal digits (elf(5), `.note.gnu.build-id`).
fn build_id(program: &Path) -> Option<String> {
    let content = fs::read(program).ok()?;
    let id =
        object::read::elf::ElfFile64::<object::Endianness>::parse(&*content).ok()?.build_id().ok()??.to_vec();
    Some(id.iter().map(|byte| format!("{byte:02x}")).collect())
}
