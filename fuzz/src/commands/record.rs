//! `sockfuzz record`: runs a real server, and saves what its clients send as inputs.

mod collection;

use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use sockfuzz_protocol::Endpoint;

use crate::input::import::CorpusWriter;
use crate::note;
use crate::options::{self, ServerArguments};
use crate::server::diagnose::describe_exit;
use crate::server::recorded_server::RecordedServer;
use crate::server::running::RunningProcess;
use crate::server::{Server, inspect, process_tree};
use crate::util::{exit_code, interrupt, preload, problem::Problem};
use collection::Collection;

/// Shown below the help text.
pub const EXAMPLES: &str = "\
Examples:
  sockfuzz record -o seeds -- ./server ARGS                           use it by browser, curl, …; Ctrl-C ends
  sockfuzz record -o seeds --during 'cargo test' -- ./server ARGS     record what a test suite sends
  sockfuzz record -o seeds --port 8080 -- ./server ARGS               if it has several listeners
  sockfuzz fuzz -i seeds -o out -- ./server ARGS

The server runs as always: on its own port, with its files, its network and its child processes; nothing is fuzzed. Each \
connection that it accepts becomes one input: the bytes, if the client sent whole requests, or a session, if it waited for \
an answer in the middle of a request, or reset the connection. Connections that the server itself makes, to a database for \
example, are not recorded. Inputs that are in the directory already are not written again, and no file is overwritten. What \
follows after 1 MiB on one connection is left out.

At the end, the server and all its processes get SIGTERM, and those that live on for five seconds SIGKILL.

Not seen are bytes that a server reads through io_uring (it is refused, so that the server falls back to epoll) or by system \
calls past libc, and what is inside TLS: record the server without TLS.

Exit status: 0 when the directory contains what was recorded, 1 when nothing was; 10 to 17 for a server that cannot be run \
(see sockfuzz --help), 13 also if it ends before the command of --during. The status of that command is printed.";

/// Time in which a command ends whose server has ended: its last request may have stopped the server.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Time for the server to end after SIGTERM.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Interval at which the recording is read.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Arguments of `record`.
#[derive(Debug, Args)]
pub struct RecordArguments {
    /// Directory to write the inputs to
    #[arg(short, long = "output", value_name = "DIR")]
    pub output: PathBuf,
    /// Record until this command ends; a shell runs it as soon as the server listens
    #[arg(long, value_name = "COMMAND")]
    pub during: Option<String>,
    /// Record only connections to this port, or to the UNIX-domain socket at this path, whatever their protocol
    #[arg(long, value_name = "PORT|PATH", value_parser = endpoint)]
    pub port: Option<Endpoint>,
    /// Time limit until the server listens, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = options::seconds)]
    pub timeout: Duration,
    /// The preload library [default: the one beside this executable, built if necessary]
    #[arg(long, value_name = "FILE", env = "SOCKFUZZ_PRELOAD", hide_env = true, hide_short_help = true)]
    pub preload: Option<PathBuf>,
    /// The server.
    #[command(flatten)]
    pub server: ServerArguments,
}

fn endpoint(text: &str) -> Result<Endpoint, String> {
    text.parse().map_err(|()| "give a port, a path with a slash, or @NAME for an abstract socket".to_owned())
}

/// Why the recording ended.
#[derive(Debug)]
enum RecordingEnd {
    Interrupted,
    CommandEnded(ExitStatus),
    ServerEnded(ExitStatus),
}

/// Records a server.
///
/// # Errors
/// A server that cannot be run, a directory that cannot be written, or nothing that was recorded.
pub fn run(arguments: RecordArguments) -> Result<u8> {
    let server = Server::resolve(&arguments.server.server)?;
    inspect::inspect(&server)?;
    let library = preload::locate(arguments.preload.as_deref())?;
    let writer = CorpusWriter::open(&arguments.output)?;
    let mut recorded = RecordedServer::start(&server, &library, arguments.port.clone(), arguments.timeout)?;
    let mut collection = Collection::new(writer, arguments.port);
    let mut command = arguments.during.as_deref().map(start_shell).transpose()?;
    if command.is_none() {
        note!("recording; send requests to the server, then end with Ctrl-C");
    }

    let ended = record(&mut recorded, command.as_mut(), &mut collection)?;
    process_tree::stop_descendants(STOP_TIMEOUT);
    recorded.read(|record| collection.add(record))?;
    collection.finish_all()?;
    print!("{collection}");
    if recorded.lost_records() > 0 {
        println!("warning: {} reads could not be recorded: memory is exhausted", recorded.lost_records());
    }
    if let RecordingEnd::CommandEnded(status) = ended {
        println!("the command ended: {}", describe_exit(status));
    }
    if let RecordingEnd::ServerEnded(status) = ended {
        let what = format!("the server ended: {}", describe_exit(status));
        if arguments.during.is_some() {
            let what = format!("{what}, before the command had ended");
            let remedy =
                "run both by hand, and fix the error that the server reports; what it was sent is saved";
            return Err(Problem::new(exit_code::EXITS, what, remedy).into());
        }
        println!("{what}");
    }
    collection.require_inputs()?;
    println!("next: sockfuzz fuzz -i {} -- {}", arguments.output.display(), server.command_line());
    Ok(exit_code::OK)
}

fn start_shell(line: &str) -> Result<RunningProcess> {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", line]);
    RunningProcess::start(shell)
}

/// Collects what is recorded until the command or the server ends, or the user interrupts.
fn record(
    server: &mut RecordedServer,
    mut command: Option<&mut RunningProcess>,
    collection: &mut Collection,
) -> Result<RecordingEnd> {
    let mut deadline = None;
    loop {
        if interrupt::check().is_err() {
            interrupt::forget();
            return Ok(RecordingEnd::Interrupted);
        }
        collection.finish_closed(server)?;
        if let Some(status) = command.as_mut().map(|command| command.ended()).transpose()?.flatten() {
            return Ok(RecordingEnd::CommandEnded(status));
        }
        if let Some(status) = server.ended()? {
            let patience = if command.is_some() { LAST_WORDS } else { Duration::ZERO };
            if Instant::now() >= *deadline.get_or_insert(Instant::now() + patience) {
                return Ok(RecordingEnd::ServerEnded(status));
            }
        }
        thread::sleep(POLL_INTERVAL);
    }
}
