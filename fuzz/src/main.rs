//! The `sockfuzz` command: parses the command line, runs one subcommand, and prints its error.

use std::env;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use sockfuzz::campaign::guard;
use sockfuzz::commands::{bench, check, corpus, fuzz, replay, run, servers, session};
use sockfuzz::options;
use sockfuzz::server::process_tree;
use sockfuzz::util::problem::Problem;
use sockfuzz::util::{exit_code, interrupt, open_files};

/// Fuzz an unmodified HTTP server with cargo afl fuzz.
#[derive(Debug, Parser)]
#[command(version, after_help = exit_code::HELP, max_term_width = 100)]
struct Cli {
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a server once: stdin goes to it over one connection, its answer to stdout
    #[command(after_help = run::EXAMPLES)]
    Run(run::RunArguments),
    /// Look at a server, answer the seeds through the preload and over real TCP, and compare
    #[command(after_help = check::EXAMPLES)]
    Check(check::CheckArguments),
    /// Check a server, then fuzz it with cargo afl fuzz; without a server, the bundled one
    #[command(after_help = fuzz::EXAMPLES)]
    Fuzz(fuzz::FuzzArguments),
    /// Run saved inputs again: request, answer, and how the server ended
    #[command(after_help = replay::EXAMPLES)]
    Replay(replay::ReplayArguments),
    /// Make inputs out of what others have recorded
    Corpus(corpus::CorpusArguments),
    /// Show inputs as text, one step of a session a line, and turn such text into inputs
    #[command(after_help = session::EXAMPLES)]
    Session(session::SessionArguments),
    /// Build real servers, compare their answers, fuzz them for a moment, and print a table
    #[command(after_help = servers::EXAMPLES)]
    Servers(servers::ServersArguments),
    /// Measure executions per second of everything there is, side by side
    #[command(after_help = bench::EXAMPLES)]
    Bench(bench::BenchArguments),
    /// Ends the instances of afl-fuzz when the sockfuzz that has started it is killed
    #[command(name = guard::SUBCOMMAND, hide = true)]
    Guard,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let is_set = |variable: &str| env::var_os(variable).is_some_and(|value| !value.is_empty());
    options::former_variable_notices(is_set).for_each(|notice| eprintln!("{notice}"));
    let result = prepare().and_then(|()| run_command(cli.command));
    process_tree::kill_descendants();
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("sockfuzz: {error:#}");
            ExitCode::from(Problem::exit_code_of(&error))
        }
    }
}

/// Installs the signal handlers, and makes this process the subreaper of all servers.
fn prepare() -> anyhow::Result<()> {
    interrupt::install()?;
    open_files::require()?;
    process_tree::adopt_orphans()?;
    Ok(())
}

fn run_command(command: Command) -> anyhow::Result<u8> {
    match command {
        Command::Run(arguments) => run::run(arguments),
        Command::Check(arguments) => check::run(arguments),
        Command::Fuzz(arguments) => fuzz::run(arguments),
        Command::Replay(arguments) => replay::run(arguments),
        Command::Corpus(arguments) => corpus::run(arguments),
        Command::Session(arguments) => session::run(&arguments),
        Command::Servers(arguments) => servers::run(arguments),
        Command::Bench(arguments) => bench::run(arguments),
        Command::Guard => Ok(guard::run().map(|()| exit_code::OK)?),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
