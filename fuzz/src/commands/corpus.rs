//! `sockfuzz corpus`: imports requests that a user has into a corpus, and minimises corpora.

mod minimize;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};

use self::minimize::MinimizeArguments;
use crate::input::corpus;
use crate::input::import::{self, CorpusWriter, ImportOptions, ImportResult, WriteOutcome};
use crate::input::route::{self, Route};
use crate::util::printable::counted;
use crate::util::{exit_code, problem::Problem};

/// Shown below the help text of `import`.
pub const IMPORT_EXAMPLES: &str = "\
Examples:
  tcpdump -i lo -w site.pcap tcp port 8080     # while a browser or a test suite talks to it
  sockfuzz corpus import site.pcap -o seeds
  sockfuzz corpus import archive.har requests/*.http -o seeds
  sockfuzz corpus import openapi.yaml access.log commands.sh -o seeds

From a capture (pcap, pcapng), import takes what the clients sent. It keeps packet boundaries, waits \
for answers, and resets where the bytes alone do not determine them. Connections that overlap become \
one input, a session. From an HTTP archive (HAR), it converts each request to HTTP/1.1. From an OpenAPI \
description (version 3, JSON or YAML), it makes two requests for each operation, with all that the \
operation takes and with what it requires; values are the examples of the description, or what its \
schemas allow. It converts command lines of curl (\"copy as cURL\"), and the distinct requests of an \
access log in the common or combined format. It takes any other file unchanged as a raw request. It \
overwrites no file, and writes no input a second time.

Exit status: 0 when the directory contains the inputs, 1 when a file cannot be read or no file gave \
an input.";

/// Subcommands of `corpus`.
#[derive(Debug, Subcommand)]
pub enum CorpusCommand {
    /// Convert captures, archives, API descriptions, curl commands, logs and raw requests into inputs
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(ImportArguments),
    /// Keep the smallest inputs that together reach all that the inputs of a directory reach
    #[command(after_help = minimize::EXAMPLES)]
    Minimize(MinimizeArguments),
}

/// Arguments of `corpus`.
#[derive(Debug, Args)]
pub struct CorpusArguments {
    /// The subcommand.
    #[command(subcommand)]
    pub command: CorpusCommand,
}

/// Arguments of `corpus import`.
#[derive(Debug, Args)]
pub struct ImportArguments {
    /// Captures, archives, descriptions, command lines, logs, requests, or directories of them
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Directory to write the inputs to
    #[arg(short, long = "output", value_name = "DIR")]
    pub output: PathBuf,
    /// From captures, take only connections to this port, whatever their protocol
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// In raw requests, convert bare line feeds in the head to CRLF
    #[arg(long)]
    pub crlf: bool,
}

/// Runs the subcommand.
///
/// # Errors
/// Those of the subcommand.
pub fn run(arguments: CorpusArguments) -> Result<u8> {
    match arguments.command {
        CorpusCommand::Import(arguments) => import(&arguments),
        CorpusCommand::Minimize(arguments) => minimize::run(&arguments),
    }
}

fn import(arguments: &ImportArguments) -> Result<u8> {
    let options = ImportOptions { port: arguments.port, crlf: arguments.crlf };
    // All files are read before any is written, so that an unreadable one leaves nothing behind.
    let files = corpus::read_files(&arguments.files)?;
    let results: Vec<ImportResult> =
        files.iter().map(|file| import::read(file, options)).collect::<Result<_>>()?;
    let skipped: usize = results.iter().map(|result| result.skipped.len()).sum();
    for (file, result) in files.iter().zip(&results) {
        for reason in &result.skipped {
            println!("skipped  {}: {reason}", file.path.display());
        }
    }
    if results.iter().all(|result| result.inputs.is_empty()) {
        let remedy =
            "give captures of plain HTTP, archives, API descriptions, curl commands, logs, or raw requests";
        return Err(Problem::failed("no file gave an input", remedy).into());
    }
    let mut writer = CorpusWriter::open(&arguments.output)?;
    let (mut written, mut known) = (0, 0);
    for input in results.iter().flat_map(|result| &result.inputs) {
        let (size, from) = (input.bytes.len(), &input.made_from);
        match writer.add(input)? {
            WriteOutcome::Written(path) => {
                written += 1;
                println!("wrote    {} ({size} bytes, {from})", path.display());
            }
            WriteOutcome::Known(name) => {
                known += 1;
                println!("known    {name} ({from})");
            }
            WriteOutcome::TooLong => {
                println!("skipped  {from}: {size} bytes, AFL++'s limit is {}", corpus::MAX_INPUT_BYTES)
            }
        }
    }
    let routes: Vec<Route> = results.iter().flat_map(|result| result.routes.iter().cloned()).collect();
    route::add_to_corpus(&arguments.output, &routes)?;
    println!("{} written, {known} known already, {skipped} skipped", counted(written, "input", "inputs"));
    Ok(exit_code::OK)
}
