//! `sockfuzz replay`: runs saved inputs again, each with a fresh server, and shows what they do to it.

use std::borrow::Cow;
use std::io::{self, Write, stdout};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use rustix::process::Signal;
use sockfuzz_protocol::session::{Connection, Session};
use sockfuzz_protocol::{ChildCrashes, DeadAccept, EXIT_SIGNAL, Exits, InputFormat, Panics, specs};
use std::os::unix::process::ExitStatusExt;

use crate::campaign::output_dir::transport_of;
use crate::input::corpus::{self, Seed};
use crate::options::{self, PreloadArguments, PreloadOptions, ServerArguments};
use crate::sandbox::Sandbox;
use crate::server::diagnose::describe_exit;
use crate::server::single_run::{RunConfig, RunEnd, SingleRun};
use crate::server::transport;
use crate::server::{Server, backtrace, inspect, sanitizers};
use crate::util::exit_code;
use crate::util::preload;
use crate::util::printable::printable;

/// Shown below the help text.
pub const EXAMPLES: &str = "\
Example:
  sockfuzz replay out/default/crashes -- ./server --listen 127.0.0.1:8080

Rust panics count as crashes, also those that the server catches, and so do crashes of child
processes, and a server that accepts no connection after the input's. Where gdb is installed, an
input that ends the server by a signal is run once more for a backtrace.

Exit status: 0 when every input was answered, 4 when one crashed or hung the server, 10 to 17 for
a server that cannot be run (see sockfuzz --help).";

/// Bytes of a request or an answer that are shown without `--raw`.
const MAX_SHOWN_BYTES: usize = 2000;

/// Arguments of `replay`.
#[derive(Debug, Args)]
pub struct ReplayArguments {
    /// Inputs, or directories of inputs such as out/default/crashes
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How long one input may take before it counts as a hang, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = options::seconds)]
    pub timeout: Duration,
    /// Show requests and answers as they are, not escaped and not cut
    #[arg(long)]
    pub raw: bool,
    /// The preload and its options.
    #[command(flatten)]
    pub preload: PreloadArguments,
    /// The server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// Replays the inputs.
///
/// # Errors
/// Inputs that cannot be read, or a server that cannot be used.
pub fn run(arguments: ReplayArguments) -> Result<u8> {
    let server = Server::resolve(&arguments.server.server)?;
    inspect::inspect(&server)?;
    let inputs = corpus::read_files(&arguments.files)?;
    let library = preload::locate(arguments.preload.preload.as_deref())?;
    let options = arguments
        .preload
        .options
        .with_input_format(corpus::input_format(&inputs))
        .with_default(&specs::PANICS, &Panics::Crash.to_string())
        .with_default(&specs::DEAD_ACCEPT, &DeadAccept::Crash.to_string())
        .with_default(&specs::CHILDREN, &ChildCrashes::Crash.to_string());
    let options = with_campaign_transport(options, &arguments.files);
    let sandbox = Sandbox::prepare(&options, &library)?;
    let config = RunConfig {
        server: &server,
        library: &library,
        options: sandbox.options(),
        timeout: arguments.timeout,
    };
    let mut failed = 0;
    for input in &inputs {
        let outcome = replay(&config, input, arguments.raw)?;
        failed += usize::from(outcome.is_failure());
    }
    if inputs.len() > 1 {
        println!("{failed} of {} inputs crashed or hung the server", inputs.len());
    }
    Ok(if failed == 0 { exit_code::OK } else { exit_code::CRASHED })
}

/// Runs one input, and shows its bytes, the answer, and how the server ended.
fn replay(config: &RunConfig<'_>, input: &Seed, raw: bool) -> Result<ReplayOutcome> {
    let run = config.run(&input.bytes)?;
    if let Some(problem) = config.server_problem(&run)? {
        return Err(problem.into());
    }
    match config.options.parsed().input {
        InputFormat::Raw => show_request(input, &run, raw)?,
        InputFormat::Session => show_session(input, &run, raw)?,
    }
    let outcome = ReplayOutcome::of(&run, config.options.parsed().exits);
    println!("=> {}", outcome.describe(config.timeout));
    if let ReplayOutcome::InternalError = outcome {
        show_output(&run);
    }
    if let ReplayOutcome::Signalled { .. } = outcome {
        show_output(&run);
        if !has_backtrace(&run.output) {
            println!("{}", backtrace::backtrace(config, &input.bytes)?);
        }
    }
    println!();
    Ok(outcome)
}

/// The options, with the transport of the campaign that has found the inputs instead of `auto`.
fn with_campaign_transport(options: PreloadOptions, files: &[PathBuf]) -> PreloadOptions {
    match files.iter().find_map(|path| transport_of(path)) {
        Some(used) if transport::is_auto(&options) => {
            options.with(specs::TRANSPORT.variable, used.to_string())
        }
        _ => options,
    }
}

/// Effect of an input on the server.
enum ReplayOutcome {
    Answered,
    Exited { status: String, is_finding: bool },
    InternalError,
    Signalled { signal: String, panicked: bool },
    Hung(String),
}

impl ReplayOutcome {
    fn of(run: &SingleRun, exits: Exits) -> Self {
        let exited = |status| Self::Exited { status, is_finding: exits == Exits::Crash };
        match &run.end {
            _ if run.internal_error => Self::InternalError,
            RunEnd::Finished if run.exited && exits == Exits::Crash => exited("exit status 0".to_owned()),
            RunEnd::Finished | RunEnd::Background(..) => Self::Answered,
            RunEnd::TimedOut(threads) => Self::Hung(threads.to_string()),
            RunEnd::Ended(status) => match status.signal() {
                None => exited(describe_exit(*status)),
                Some(number) => Self::Signalled {
                    signal: describe_exit(*status),
                    panicked: number == Signal::ABORT.as_raw() && is_panic(&run.output),
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
            Self::Exited { status, is_finding: true } => {
                format!("the server exited: {status}; a campaign saves that as sig:{EXIT_SIGNAL:02}")
            }
            Self::Exited { status, .. } => format!("the server exited: {status}"),
            Self::InternalError => "sockfuzz failed, not the server: please report it".to_owned(),
            Self::Signalled { signal, panicked: true } => format!("CRASH: the server panicked, {signal}"),
            Self::Signalled { signal, .. } => format!("CRASH: {signal}"),
            Self::Hung(threads) => {
                format!("HANG: still running after {} s, killed; {threads}", timeout.as_secs_f64())
            }
        }
    }
}

fn is_panic(output: &[u8]) -> bool {
    contains(output, b"panicked at")
}

/// Whether the server's output has a backtrace: of a panic or a sanitizer.
fn has_backtrace(output: &[u8]) -> bool {
    contains(output, b"stack backtrace:") || sanitizers::is_report(output)
}

fn contains(output: &[u8], part: &[u8]) -> bool {
    output.windows(part.len()).any(|window| window == part)
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
    let shown =
        if raw { Cow::from(bytes) } else { Cow::from(printable(bytes, MAX_SHOWN_BYTES).into_bytes()) };
    out.write_all(&shown)?;
    match *shown {
        [] | [.., b'\n'] => Ok(()),
        _ => writeln!(out),
    }
}

fn show_output(run: &SingleRun) {
    for line in String::from_utf8_lossy(&run.output).lines() {
        println!("   | {line}");
    }
}
