//! The `sockfuzz` command: parses the command line, runs one subcommand, and prints its error.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use sockfuzz::bundle::tracer;
use sockfuzz::campaign::guard;
use sockfuzz::commands::{
    bench, bundle, cargo, certificate, check, compiler, corpus, cover, engine, fuzz, init, judge, record,
    replay, report, routes, run, servers, session, sync, target, tools, triage,
};
use sockfuzz::options;
use sockfuzz::project::CompletedLine;
use sockfuzz::server::process_tree;
use sockfuzz::toolchain::clang::Language;
use sockfuzz::util::notice::{self, Verbosity};
use sockfuzz::util::problem::Problem;
use sockfuzz::util::{exit_code, interrupt, open_files};
use sockfuzz_launcher::launch::{ENGINE_SUBCOMMAND, TARGET_SUBCOMMAND};

/// Name of this program.
const PROGRAM: &str = "sockfuzz";

/// The version, with those of AFL++ that it works with.
const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\nAFL++ 4.20 or later (loop direct); older versions with a persistent loop (loop afl)\n\
     cargo-afl 0.18 or later; 0.18.2 is installed if there is none"
);

/// Shown below the help text of `completions`.
const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  sockfuzz completions bash > ~/.local/share/bash-completion/completions/sockfuzz
  sockfuzz completions zsh  > ~/.zfunc/_sockfuzz          (with ~/.zfunc in fpath)
  sockfuzz completions fish > ~/.config/fish/completions/sockfuzz.fish";

/// Fuzz an unmodified HTTP server with cargo afl fuzz.
#[derive(Debug, Parser)]
#[command(name = PROGRAM, version, long_version = LONG_VERSION, after_help = exit_code::HELP, max_term_width = 100)]
struct Cli {
    /// Print results, warnings and errors only
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Print the commands that sockfuzz runs, too
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    verbose: bool,
    /// The subcommand.
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write sockfuzz.toml for the server of this directory: build it, start it, and find what it needs
    #[command(after_help = init::EXAMPLES)]
    Init(init::InitArguments),
    /// Run a server once: send stdin to it over one connection, and print its answer
    #[command(after_help = run::EXAMPLES)]
    Run(run::RunArguments),
    /// Check whether a server can be fuzzed, and compare its answers through the preload and over real TCP
    #[command(after_help = check::EXAMPLES)]
    Check(check::CheckArguments),
    /// Check a server, then fuzz it with cargo afl fuzz; without a server, the bundled one
    #[command(after_help = fuzz::EXAMPLES)]
    Fuzz(fuzz::FuzzArguments),
    /// Run saved inputs again, and show the request, the answer, and how the server ended
    #[command(after_help = replay::EXAMPLES)]
    Replay(replay::ReplayArguments),
    /// Group the findings of a campaign into bugs, reduce each, and confirm it on the plain server
    #[command(after_help = triage::EXAMPLES)]
    Triage(triage::TriageArguments),
    /// Show which routes a campaign reaches, and which it never got a 2xx from
    #[command(after_help = routes::EXAMPLES)]
    Routes(routes::RoutesArguments),
    /// Report a campaign as a page, as text or as data
    #[command(after_help = report::EXAMPLES)]
    Report(report::ReportArguments),
    /// Run a campaign on many machines: start, exchange, collect, stop
    #[command(after_help = sync::EXAMPLES)]
    Sync(sync::SyncArguments),
    /// Show which lines and functions of its source a server runs for the queue of a campaign
    #[command(after_help = cover::EXAMPLES)]
    Cover(cover::CoverArguments),
    /// Put a server with all that fuzzing it needs into one directory, for other machines
    #[command(after_help = bundle::EXAMPLES)]
    Bundle(bundle::BundleArguments),
    /// Compile C with AFL++'s instrumentation: clang, the coverage flags, and the runtime
    #[command(after_help = compiler::EXAMPLES)]
    Cc(compiler::CompilerArguments),
    /// Compile C++ with AFL++'s instrumentation
    #[command(name = "c++", after_help = compiler::EXAMPLES)]
    Cxx(compiler::CompilerArguments),
    /// Run cargo with AFL++'s instrumentation
    #[command(after_help = cargo::EXAMPLES)]
    Cargo(cargo::CargoArguments),
    /// Run one of AFL++'s tools, with the preload library for the server
    #[command(after_help = tools::AFL_EXAMPLES)]
    Afl(tools::AflArguments),
    /// Print lines for a shell that set CC, CXX, PATH and AFL_PRELOAD
    #[command(after_help = tools::ENV_EXAMPLES)]
    Env,
    /// Run a real server, and save what its clients send as inputs
    #[command(after_help = record::EXAMPLES)]
    Record(record::RecordArguments),
    /// Convert recorded traffic into inputs, and keep the inputs that add coverage
    Corpus(corpus::CorpusArguments),
    /// Show inputs as text, one step of a session per line, and convert such text into inputs
    #[command(after_help = session::EXAMPLES)]
    Session(session::SessionArguments),
    /// Build real servers, compare their answers, fuzz them for a short time, and print a table
    #[command(after_help = servers::EXAMPLES)]
    Servers(servers::ServersArguments),
    /// Make certificates for a server that speaks TLS, for tests
    #[command(after_help = certificate::EXAMPLES)]
    Certificate(certificate::CertificateArguments),
    /// Measure executions per second of servers, harnesses and another fuzzer, side by side
    #[command(after_help = bench::EXAMPLES)]
    Bench(bench::BenchArguments),
    /// Print the completions of a shell, to be saved where it looks for them
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write the manual pages, one for each subcommand, into a directory
    Man {
        /// The directory, which must exist
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
    /// Run a program, and note which files it uses
    #[command(name = tracer::SUBCOMMAND, hide = true)]
    TraceFiles {
        /// File of the notes
        notes: PathBuf,
        /// The program and its arguments
        #[arg(last = true, required = true)]
        line: Vec<OsString>,
    },
    /// Be a fuzz target with libFuzzer's command line, in a bundle
    #[command(name = TARGET_SUBCOMMAND, hide = true)]
    Target(target::TargetArguments),
    /// Run afl-fuzz as ClusterFuzz expects it, in a bundle
    #[command(name = ENGINE_SUBCOMMAND, hide = true)]
    EngineFuzz(engine::EngineArguments),
    /// Judge the answers to the inputs of a campaign, as sockfuzz fuzz --findings does by itself
    #[command(hide = true)]
    Judge(judge::JudgeArguments),
    /// End the instances of afl-fuzz when the sockfuzz process that started this one is killed
    #[command(name = guard::SUBCOMMAND, hide = true)]
    Guard,
}

fn main() -> ExitCode {
    let line = match CompletedLine::new(Cli::command(), env::args_os().collect()) {
        Ok(line) => line,
        Err(error) => return failed(&error),
    };
    let cli = Cli::from_arg_matches(&line.matches())
        .unwrap_or_else(|error| error.format(&mut Cli::command()).exit());
    notice::set(match (cli.quiet, cli.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, false) => Verbosity::Normal,
        (false, true) => Verbosity::Verbose,
    });
    let is_set = |variable: &str| env::var_os(variable).is_some_and(|value| !value.is_empty());
    options::former_variable_notices(is_set).for_each(|notice| eprintln!("{notice}"));
    let result = line.enter().and_then(|()| prepare()).and_then(|()| run_command(cli.command));
    process_tree::kill_descendants();
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => failed(&error),
    }
}

/// Prints an error, and returns its exit status.
fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("sockfuzz: {error:#}");
    ExitCode::from(Problem::exit_code_of(error))
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
        Command::Init(arguments) => init::run(&arguments),
        Command::Run(arguments) => run::run(arguments),
        Command::Check(arguments) => check::run(arguments),
        Command::Fuzz(arguments) => fuzz::run(arguments),
        Command::Replay(arguments) => replay::run(arguments),
        Command::Triage(arguments) => triage::run(&arguments),
        Command::Routes(arguments) => routes::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Sync(arguments) => sync::run(arguments),
        Command::Cover(arguments) => cover::run(&arguments),
        Command::Record(arguments) => record::run(arguments),
        Command::Corpus(arguments) => corpus::run(arguments),
        Command::Session(arguments) => session::run(&arguments),
        Command::Servers(arguments) => servers::run(arguments),
        Command::Certificate(arguments) => certificate::run(&arguments),
        Command::Bench(arguments) => bench::run(arguments),
        Command::Cc(arguments) => compiler::run(Language::C, &arguments),
        Command::Cxx(arguments) => compiler::run(Language::Cxx, &arguments),
        Command::Cargo(arguments) => cargo::run(&arguments),
        Command::Afl(arguments) => tools::run_afl(&arguments),
        Command::Env => tools::run_env(),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), PROGRAM, &mut io::stdout());
            Ok(exit_code::OK)
        }
        Command::Man { directory } => {
            clap_mangen::generate_to(Cli::command(), directory)?;
            Ok(exit_code::OK)
        }
        Command::Bundle(arguments) => bundle::run(&arguments),
        Command::TraceFiles { notes, line } => tracer::run(&notes, &line),
        Command::Target(arguments) => target::run(arguments),
        Command::EngineFuzz(arguments) => engine::run(arguments),
        Command::Judge(arguments) => judge::run(&arguments),
        Command::Guard => Ok(guard::run().map(|()| exit_code::OK)?),
    }
}

#[cfg(test)]
mod tests {
    use clap::Arg;
    use sockfuzz::project;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// Returns the cells of a key in the document: name, value, meaning.
    fn cells(argument: &Arg) -> [String; 3] {
        let values = argument.get_value_names().filter(|_| argument.get_action().takes_values());
        let value = values.map_or("`true`, `false`".to_owned(), |names| names.join(" ").replace('|', r"\|"));
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        let name = argument.get_long().unwrap_or(project::SERVER);
        [name.to_owned(), value, help.replace('|', r"\|")]
    }

    #[test]
    fn the_keys_in_the_document_are_current() {
        let root = Cli::command();
        let (mut top, mut tables) = (String::new(), String::new());
        for name in project::COMMANDS {
            let command = root.find_subcommand(name).expect("a command");
            let keys = command.get_arguments().filter(|argument| project::is_key(command, argument));
            for argument in keys.filter(|argument| argument.get_help_heading() != Some(options::HEADING)) {
                let [key, value, meaning] = cells(argument);
                let is_shared = project::is_shared(argument);
                match (name, is_shared) {
                    ("fuzz", _) => {
                        let readers = if is_shared { "all" } else { "fuzz" };
                        top += &format!("| `{key}` | {value} | {readers} | {meaning} |\n");
                    }
                    (_, false) => tables += &format!("| `{name}.{key}` | {value} | {meaning} |\n"),
                    (_, true) => {}
                }
            }
        }
        let document = include_str!("../PROJECT.md");
        assert!(
            document.contains(&top) && document.contains(&tables),
            "fuzz/PROJECT.md should have these rows:\n{top}\n{tables}"
        );
    }
}
