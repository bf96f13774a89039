//! `sockfuzz session`: converts sessions to text and back.

use std::fs;
use std::io::{self, ErrorKind, IsTerminal, Read, Write, stdin, stdout};
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, Subcommand};
use sockfuzz_protocol::session::Session;

use crate::input::corpus::{self, Seed};
use crate::input::tls_text;
use crate::util::output_file;
use crate::util::{exit_code, problem::Problem};

/// Shown below the help text.
pub const EXAMPLES: &str = r#"
A session is a list of steps over up to four connections, 0 to 3. Each runs when the server is idle:

  send 0 "POST / HTTP/1.1\r\nHost: a\r\n"
         "Content-Length: 10\r\n\r\nhalf"
  open 1                          # without sending anything yet
  send 1 "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
  half-close 1                    # or: close 1
  reset 0

In a string, \r \n \t \\ \" and \x41 stand for one byte. Sending opens a connection if necessary. At the end, connections that are still open are half-closed, read to the end and closed, in their order. sockfuzz run prints answers as they arrive, on any connection; sockfuzz replay prints the answers of one connection after the other.

A step can use a value of an earlier answer. The client puts the value in when it sends the step:

  send 0 "POST /items HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
  send 0 "GET /items/{{1.json.id}} HTTP/1.1\r\nHost: a\r\n\r\n"

{{1.json.user.id}} and {{1.json.items.0.id}} are values of a JSON body, {{1.json}} is all of it; if the path leads nowhere, the first member with its first name counts. {{1.header.etag}} is a field, {{1.cookie.session}} a cookie that was set, {{1.location}} path and query of the field Location, {{1.location.id}} the last segment of that path, {{1.status}} the status code. Answers count from 1 as they come, the interim ones (1xx) not; the first 64 KiB on each connection are kept. In a request line, a value is percent-encoded; in a JSON string, escaped; in a header, CR, LF and NUL are left out. Content-Length and the sizes of chunks change with the value, by as much as it is longer, if the request begins in the same step; frames of HTTP/2 do not. What is not found is sent as it is, like any other bytes.

Of connections that begin with TLS, show also prints records, messages and extensions, as comments.

Examples:
  sockfuzz session show corpus/sessions/both-plain corpus/tls/hello-tls13 out/default/crashes
  sockfuzz session pack both-mine.txt -o corpus/sessions/both-mine
  printf 'open 1\nsend 0 "x"\n' | sockfuzz session pack - | sockfuzz run --input session -- ./server

Exit status: 0, or 1 when a file cannot be read or written, or is not the text of a session."#;

/// Arguments of `session`.
#[derive(Debug, Args)]
pub struct SessionArguments {
    /// The subcommand.
    #[command(subcommand)]
    pub command: SessionCommand,
}

/// Subcommands of `session`.
#[derive(Debug, Subcommand)]
pub enum SessionCommand {
    /// Show inputs as text; any bytes can be decoded as a session
    Show {
        /// Inputs, or directories of inputs such as out/default/crashes; - for stdin
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Convert the text of a session into an input
    Pack {
        /// File with the text; - for stdin
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// File to write the input to [default: stdout, unless it is a terminal]
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Overwrite the output file if it exists
        #[arg(long, requires = "output")]
        force: bool,
    },
}

/// Runs the subcommand.
///
/// # Errors
/// A file that cannot be read or written, or a text that is not a session.
pub fn run(arguments: &SessionArguments) -> Result<u8> {
    match &arguments.command {
        SessionCommand::Show { files } => show(files),
        SessionCommand::Pack { file, output, force } => pack(file, output.as_deref(), *force),
    }
}

fn show(files: &[PathBuf]) -> Result<u8> {
    let mut inputs = Vec::new();
    for file in files {
        if is_stdin(file) {
            inputs.push(Seed { name: "stdin".to_owned(), path: file.clone(), bytes: read(file)? });
        } else {
            inputs.extend(corpus::read_files(std::slice::from_ref(file))?);
        }
    }
    match write_all(&inputs) {
        // The reader, for example head(1), has closed the pipe.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(exit_code::OK),
        other => Ok(other.map(|()| exit_code::OK)?),
    }
}

fn write_all(inputs: &[Seed]) -> io::Result<()> {
    let mut out = stdout().lock();
    for (index, input) in inputs.iter().enumerate() {
        if inputs.len() > 1 {
            writeln!(out, "{}# {}", if index > 0 { "\n" } else { "" }, input.name)?;
        }
        let session = Session::decode(&input.bytes);
        write!(out, "{session}")?;
        for (connection, text) in tls_text::connections(&session) {
            writeln!(out, "# TLS on connection {connection}:")?;
            text.lines().try_for_each(|line| writeln!(out, "#   {line}"))?;
        }
    }
    Ok(())
}

fn pack(file: &Path, output: Option<&Path>, force: bool) -> Result<u8> {
    if output.is_none() && stdout().is_terminal() {
        let remedy = "name a file with -o, or redirect stdout";
        return Err(Problem::failed("an input is binary and is not written to a terminal", remedy).into());
    }
    let text = read(file)?;
    let wrong = |what: String| {
        Problem::failed(format!("{}: {what}", file.display()), "see sockfuzz session --help for the format")
    };
    let text =
        String::from_utf8(text).map_err(|_| wrong("it is not text, perhaps an input already".to_owned()))?;
    let input = text.parse::<Session>().map_err(|error| wrong(error.to_string()))?.encode();
    match output {
        Some(path) => output_file::create(path, force)?.write_all(&input)?,
        None => stdout().write_all(&input)?,
    }
    Ok(exit_code::OK)
}

fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

fn read(file: &Path) -> Result<Vec<u8>> {
    if is_stdin(file) {
        let mut bytes = Vec::new();
        stdin().read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    let inputs = fs::read(file).map_err(|error| {
        Problem::failed(format!("{} cannot be read: {error}", file.display()), "name a file, or - for stdin")
    })?;
    Ok(inputs)
}
