//! `sockfuzz replay`: saved inputs again, each with a fresh server, and what they do to it.

use std::borrow::Cow;
use std::io::{self, Write, stdout};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use rustix::process::Signal;
use sockfuzz_protocol::session::{Connection, Session};
use sockfuzz_protocol::{DeadAccept, InputFormat, Panics, specs};
use std::os::unix::process::ExitStatusExt;

use crate::afl::output_dir::transport_of;
use crate::cli::{self, PreloadArguments, PreloadOptions, ServerArguments};
use crate::corpus::{self, Seed};
use crate::preload;
use crate::printable::printable;
use crate::problem::exit;
use crate::sandbox::Sandbox;
use crate::server::diagnose::ending;
use crate::server::single_run::{End, Setup, SingleRun};
use crate::server::{Server, backtrace, inspect, sanitizers};
use crate::transport;

/// Shown below the help text.
pub const EXAMPLES: &str = "\
Example:
  sockfuzz replay out/default/crashes -- ./server --listen 127.0.0.1:8080

Rust panics count as crashes, also those that the server catches, and so does a server that accepts
no connection after the input's. Where gdb is installed, an
input that ends the server by a signal is run once more for a backtrace.

Exit status: 0 when every input was answered, 4 when one crashed or hung the server, 10 to 17 for
a server that cannot be run (see sockfuzz --help).";

/// Bytes of a request or an answer that are shown without `--raw`.
const SHOWN: usize = 2000;

/// Arguments of `replay`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Inputs, or directories of inputs such as out/default/crashes
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How long one input may take before it counts as a hang, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = cli::seconds)]
    pub timeout: Duration,
    /// Show requests and answers as they are, not escaped and not cut
    #[arg(long)]
    pub raw: bool,
    /// What the preload is told.
    #[command(flatten)]
    pub preload: PreloadArguments,
    /// The server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// Replays the inputs.
///
/// # Errors
/// Inputs that cannot be read, or a server that is a dud.
pub fn replay(arguments: Arguments) -> Result<u8> {
    let server = Server::resolve(&arguments.server.server)?;
    inspect::inspect(&server)?;
    let inputs = corpus::read_files(&arguments.files)?;
    let library = preload::locate(arguments.preload.preload.as_deref())?;
    let options = arguments
        .preload
        .options
        .for_inputs(&inputs)
        .with_default(&specs::PANICS, &Panics::Crash.to_string())
        .with_default(&specs::DEAD_ACCEPT, &DeadAccept::Crash.to_string());
    let options = as_in_campaign(options, &arguments.files);
    let sandbox = Sandbox::prepare(&options, &library)?;
    let setup =
        Setup { server: &server, library: &library, options: sandbox.options(), timeout: arguments.timeout };
    let meaning = options.parsed().input;
    let mut failed = 0;
    for input in &inputs {
        let run = setup.run(&input.bytes)?;
        if let Some(dud) = setup.dud(&run)? {
            return Err(dud.into());
        }
        match meaning {
            InputFormat::Raw => show_request(input, &run, arguments.raw)?,
            InputFormat::Session => show_session(input, &run, arguments.raw)?,
        }
        let fate = Fate::of(&run);
        println!("=> {}", fate.describe(arguments.timeout));
        if let Fate::Signalled { .. } = fate {
            show_words(&run);
            if !tells_where(&run.words) {
                println!("{}", backtrace::of(&setup, &input.bytes)?);
            }
        }
        println!();
        failed += usize::from(fate.is_failure());
    }
    if inputs.len() > 1 {
        println!("{failed} of {} inputs crashed or hung the server", inputs.len());
    }
    Ok(if failed == 0 { exit::OK } else { exit::CRASHED })
}

/// The transport of the campaign that has found the inputs, where nothing else is asked for.
fn as_in_campaign(options: PreloadOptions, files: &[PathBuf]) -> PreloadOptions {
    match files.iter().find_map(|path| transport_of(path)) {
        Some(used) if transport::is_open(&options) => {
            options.with(specs::TRANSPORT.variable, used.to_string())
        }
        _ => options,
    }
}

/// What an input did to the server.
enum Fate {
    Answered,
    Exited(String),
    Signalled { signal: String, panicked: bool },
    Hung(String),
}

impl Fate {
    fn of(run: &SingleRun) -> Self {
        match &run.end {
            End::Finished | End::Background(..) => Self::Answered,
            End::TimedOut(stops) => Self::Hung(stops.to_string()),
            End::Ended(status) => match status.signal() {
                None => Self::Exited(ending(*status)),
                Some(number) => Self::Signalled {
                    signal: ending(*status),
                    panicked: number == Signal::ABORT.as_raw() && says_panicked(&run.words),
                },
            },
        }
    }

    fn is_failure(&self) -> bool {
        !matches!(self, Self::Answered)
    }

    fn describe(&self, timeout: Duration) -> String {
        match self {
            Self::Answered => "answered, the server is well".to_owned(),
            Self::Exited(status) => format!("the server exited: {status}"),
            Self::Signalled { signal, panicked: true } => format!("CRASH: the server panicked, {signal}"),
            Self::Signalled { signal, .. } => format!("CRASH: {signal}"),
            Self::Hung(stops) => {
                format!("HANG: still running after {} s, killed; {stops}", timeout.as_secs_f64())
            }
        }
    }
}

fn says_panicked(words: &[u8]) -> bool {
    contains(words, b"panicked at")
}

/// Whether the server's own words have a backtrace: a panic's or a sanitizer's.
fn tells_where(words: &[u8]) -> bool {
    contains(words, b"stack backtrace:") || sanitizers::is_report(words)
}

fn contains(words: &[u8], part: &[u8]) -> bool {
    words.windows(part.len()).any(|window| window == part)
}

fn show_request(Seed { name, bytes, .. }: &Seed, run: &SingleRun, raw: bool) -> io::Result<()> {
    show_bytes(&format!("request {name}"), bytes, raw)?;
    show_bytes("answer", &run.answer(), raw)
}

fn show_session(Seed { name, bytes, .. }: &Seed, run: &SingleRun, raw: bool) -> io::Result<()> {
    let session = Session::decode(bytes);
    if raw {
        show_bytes(&format!("session {name}"), bytes, raw)?;
    } else {
        write!(stdout(), "-- session {name} ({} bytes)\n{session}", bytes.len())?;
    }
    for (connection, answer) in Connection::ALL.into_iter().zip(&run.answers) {
        let is_used = session.steps().iter().any(|step| step.connection == connection);
        if is_used || !answer.is_empty() {
            show_bytes(&format!("answer on connection {connection}"), answer, raw)?;
        }
    }
    Ok(())
}

fn show_bytes(title: &str, bytes: &[u8], raw: bool) -> io::Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "-- {title} ({} bytes)", bytes.len())?;
    let shown = if raw { Cow::from(bytes) } else { Cow::from(printable(bytes, SHOWN).into_bytes()) };
    out.write_all(&shown)?;
    match *shown {
        [] | [.., b'\n'] => Ok(()),
        _ => writeln!(out),
    }
}

fn show_words(run: &SingleRun) {
    for line in String::from_utf8_lossy(&run.words).lines() {
        println!("   | {line}");
    }
}
