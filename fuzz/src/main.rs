//! The `sockfuzz` command: parse, run one subcommand, say in one message what went wrong.

use std::process::ExitCode;

use clap::Parser;
use sockfuzz::cli::{Cli, Command};
use sockfuzz::problem::Problem;
use sockfuzz::server::process_tree;
use sockfuzz::{commands, interrupt};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = prepare().and_then(|()| match cli.command {
        Command::Run(arguments) => commands::run::run(arguments),
        Command::Check(arguments) => commands::check::check(arguments),
        Command::Fuzz(arguments) => commands::fuzz::fuzz(arguments),
        Command::Replay(arguments) => commands::replay::replay(arguments),
        Command::Corpus(arguments) => commands::corpus::corpus(arguments),
        Command::Session(arguments) => commands::session::session(&arguments),
        Command::Servers(arguments) => commands::servers::servers(arguments),
        Command::Bench(arguments) => commands::bench::bench(arguments),
    });
    process_tree::end_descendants();
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("sockfuzz: {error:#}");
            ExitCode::from(Problem::exit_code_of(&error))
        }
    }
}

/// What every subcommand relies on: signals are noticed, and orphans come to us.
fn prepare() -> anyhow::Result<()> {
    interrupt::install()?;
    process_tree::adopt_orphans()?;
    Ok(())
}
