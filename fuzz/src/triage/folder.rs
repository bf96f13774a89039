//! Folder of a bug: the reduced inputs as bytes and as text, a history for `sockfuzz replay`, a script that shows the bug
//! on the plain server with nothing of ours, the server's output, and a text that says what was seen.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sockfuzz_protocol::history::History;
use sockfuzz_protocol::session::{Action, Session};
use sockfuzz_protocol::{InputFormat, batch};

use super::confirmation::Confirmation;
use super::group::Group;
use crate::server::Server;
use crate::server::tcp_client;
use crate::util::printable::{counted, printable};

/// Template of the script.
const SCRIPT: &str = include_str!("reproduce.py");

/// Moves the directory of an earlier triage away: the user may have added to it. Returns its new path.
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

/// One bug of the server, with everything that its folder shows.
#[derive(Debug)]
pub struct Bug<'a> {
    /// Its findings.
    pub group: &'a Group,
    /// Whether it happens on the plain server.
    pub confirmation: &'a Confirmation,
    /// The server.
    pub server: &'a Server,
    /// Format of the inputs.
    pub format: InputFormat,
}

impl Bug<'_> {
    /// Writes the folder below `directory`, and returns its path. `number` is that of the bug.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, directory: &Path, number: usize) -> Result<PathBuf> {
        let folder = directory.join(format!("{number:02}-{}", self.group.cause.short_name()));
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let write = |name: &str, content: &[u8]| {
            let path = folder.join(name);
            fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
            Ok::<_, anyhow::Error>(path)
        };
        let witness = &self.group.best;
        for (index, input) in witness.inputs.iter().enumerate() {
            write(&format!("input-{}", index + 1), input)?;
        }
        write("inputs.txt", self.text_of_inputs().as_bytes())?;
        let stream = batch::encode(witness.inputs.iter().map(Vec::as_slice));
        write("history", &History::encode(&witness.finding, 0, &stream))?;
        write("output.txt", &witness.output)?;
        let script = write("reproduce.py", self.script()?.as_bytes())?;
        fs::set_permissions(script, Permissions::from_mode(0o755))?;
        write("README.md", self.readme(&folder).as_bytes())?;
        Ok(folder)
    }

    fn text_of_inputs(&self) -> String {
        let mut text = String::new();
        for (index, input) in self.group.best.inputs.iter().enumerate() {
            let shown = match self.format {
                InputFormat::Raw => printable(input, usize::MAX),
                InputFormat::Session => Session::decode(input).to_string(),
            };
            let _ = writeln!(text, "-- input {} ({} bytes)\n{shown}", index + 1, input.len());
        }
        text
    }

    /// Returns the script, which has everything that it needs in it.
    fn script(&self) -> Result<String> {
        let mut command = vec![self.server.program.to_string_lossy().into_owned()];
        command.extend(self.server.arguments.iter().map(|argument| argument.to_string_lossy().into_owned()));
        let directory = std::env::current_dir().context("the working directory is gone")?;
        let inputs = self.group.best.inputs.iter().map(|input| self.python_steps(input));
        let inputs = format!("[\n{}]", inputs.map(|steps| format!("    [{steps}],\n")).collect::<String>());
        Ok(SCRIPT
            .replace("@SERVER@", &serde_json::to_string(&command)?)
            .replace("@DIRECTORY@", &serde_json::to_string(&directory.to_string_lossy())?)
            .replace("@PORT@", &self.group.best.port.to_string())
            .replace("@INPUTS@", &inputs))
    }

    fn python_steps(&self, input: &[u8]) -> String {
        let session = tcp_client::session_of(input, self.format);
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

    fn readme(&self, folder: &Path) -> String {
        let Self { group, confirmation, server, .. } = self;
        let inputs = counted(group.best.inputs.len() as u64, "input", "inputs");
        let mut text = format!(
            "# {}\n\n- Server: `{}`\n- Happens with: {inputs} in one process (`inputs.txt`)\n- Confirmed: {confirmation}\n- \
             Findings of the campaign with this cause: {}\n- First seen in: `{}`\n",
            group.cause,
            server.command_line(),
            group.findings,
            group.best.path.display()
        );
        if group.is_reduction_cut {
            text += "- The reduction stopped at its time limit: not all inputs may be needed.\n";
        }
        let _ = write!(
            text,
            "\nReproduce it on the plain server, with nothing of sockfuzz:\n\n    python3 {0}/reproduce.py\n\nReproduce it \
             through sockfuzz:\n\n    sockfuzz replay {0}/history -- {1}\n\nThe server's own output is in `output.txt`.\n",
            folder.display(),
            server.command_line()
        );
        text
    }
}
