//! `sockfuzz corpus`: what is done to a corpus.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::corpus;
use crate::import::{self, Found, Outcome, Store, Wish};
use crate::printable::counted;
use crate::problem::{Problem, exit};

/// Shown below the help text of `import`.
pub const IMPORT_EXAMPLES: &str = "\
Examples:
  tcpdump -i lo -w site.pcap tcp port 8080     # while a browser or a test suite talks to it
  sockfuzz corpus import site.pcap -o seeds
  sockfuzz corpus import archive.har requests/*.http -o seeds

Of a capture (pcap, pcapng), the clients' sides are taken. Where packet boundaries, waiting for
answers, or resets say more than the bytes alone, they are kept, and connections that overlap become
one input: a session. Of an HTTP archive (HAR), each request becomes HTTP/1.1. Any other file is taken
for a raw request, as it is. Nothing is overwritten, and what is there already is not written again.

Exit status: 0 when the directory has the inputs now, 1 when a file cannot be read or none gave an
input.";

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make inputs of packet captures, HTTP archives and raw requests
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(ImportArguments),
}

/// Arguments of `corpus`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Arguments of `corpus import`.
#[derive(Debug, Args)]
pub struct ImportArguments {
    /// Captures, archives, requests, or directories of them
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Directory that gets the inputs
    #[arg(short, long = "output", value_name = "DIR")]
    pub output: PathBuf,
    /// Of captures, take only connections to this port, whatever they speak
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// In raw requests, turn bare line feeds of the head into CRLF
    #[arg(long)]
    pub crlf: bool,
}

/// Does what is asked for.
///
/// # Errors
/// As for the command in question.
pub fn corpus(arguments: Arguments) -> Result<u8> {
    match arguments.command {
        Command::Import(arguments) => import(&arguments),
    }
}

fn import(arguments: &ImportArguments) -> Result<u8> {
    let wish = Wish { port: arguments.port, crlf: arguments.crlf };
    // All is read before anything is written: a file that cannot be read leaves nothing behind.
    let files = corpus::read_files(&arguments.files)?;
    let found: Vec<Found> = files.iter().map(|file| import::read(file, wish)).collect::<Result<_>>()?;
    let skipped: usize = found.iter().map(|found| found.skipped.len()).sum();
    for (file, found) in files.iter().zip(&found) {
        for reason in &found.skipped {
            println!("skipped  {}: {reason}", file.path.display());
        }
    }
    if found.iter().all(|found| found.inputs.is_empty()) {
        let remedy = "give captures in which a client speaks plain HTTP, HTTP archives, or requests";
        return Err(Problem::failed("no file gave an input", remedy).into());
    }
    let mut store = Store::open(&arguments.output)?;
    let (mut written, mut known) = (0, 0);
    for input in found.iter().flat_map(|found| &found.inputs) {
        let (size, from) = (input.bytes.len(), &input.made_from);
        match store.add(input)? {
            Outcome::Written(path) => {
                written += 1;
                println!("wrote    {} ({size} bytes, {from})", path.display());
            }
            Outcome::Known(name) => {
                known += 1;
                println!("known    {name} ({from})");
            }
            Outcome::TooLong => {
                println!("skipped  {from}: {size} bytes, and AFL++ takes {}", corpus::MAX_INPUT)
            }
        }
    }
    println!("{} written, {known} known already, {skipped} skipped", counted(written, "input", "inputs"));
    Ok(exit::OK)
}
