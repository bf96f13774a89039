//! Everything that runs beside afl-fuzz: running a server once, checking it, fuzzing it, and replaying
//! what was found. The library exists for the `sockfuzz` binary, and so that tests can use its parts.
//!
//! # Example
//!
//! ```no_run
//! use sockfuzz::server::{Server, inspect};
//!
//! # fn main() -> anyhow::Result<()> {
//! let server = Server::resolve(&["./server".into(), "--port".into(), "8080".into()])?;
//! let found = inspect::inspect(&server)?;
//! println!("{}: AddressSanitizer {}", found.executable.display(), found.asan);
//! # Ok(())
//! # }
//! ```
//!
//! # Layers
//!
//! Imports go down only, in this list as well as among the files of each module:
//!
//! 1. `main.rs`: the command line, one variant for each subcommand.
//! 2. [`commands`]: the subcommands, each with its arguments and its `run`.
//! 3. [`project`]: the file that describes a campaign (`sockfuzz.toml`).
//! 4. [`mod@bench`]: executions per second of many cases, side by side (`sockfuzz bench`).
//! 5. [`fuzz_target`]: a bundle's server as fleets of fuzzing machines run it (`NAME_fuzzer`, `afl-fuzz`).
//! 6. [`report`]: a campaign as a page, as text and as data (`sockfuzz report`).
//! 7. [`triage`]: from findings to bugs: causes, groups, reduction, confirmation (`sockfuzz triage`).
//! 8. [`routes`]: routes that a campaign reaches, and their answers (`sockfuzz routes`).
//! 9. [`coverage`]: coverage of source lines that people read (`sockfuzz cover`).
//! 10. [`recipe`]: real servers that are built, checked and fuzzed by recipe (`sockfuzz servers`).
//! 11. [`bundle`]: a server with all that fuzzing it needs, in one directory (`sockfuzz bundle`).
//! 12. [`toolchain`]: compilers and tools of AFL++ with the right flags and environment (`sockfuzz cc`, …).
//! 13. [`fleet`]: campaigns on many machines: hosts, exchange of inputs, collection (`sockfuzz sync`).
//! 14. [`campaign`]: afl-fuzz: installation, environment, command lines, output directory, instances,
//!     report; the bundled server to fuzz.
//! 15. [`sandbox`]: options that confine the server, adapted to this machine's kernel.
//! 16. [`server`]: the server under test: inspection of its file, runs with and without the preload,
//!     comparison of both, choice of the transport, diagnosis of failures.
//! 17. [`input`]: inputs: reading and importing a corpus, comparing answers.
//! 18. [`options`]: arguments that subcommands share, and the options of the preload.
//! 19. [`util`]: errors and exit statuses, signals, files, the source tree.
//!
//! The way of `sockfuzz fuzz` through them: [`commands::fuzz::run`] reads the seeds
//! ([`input::corpus::read`]), inspects the server ([`server::inspect::inspect`]), prepares its sandbox
//! ([`sandbox::Sandbox::prepare`]), answers the seeds once and chooses the transport
//! ([`server::seeds::check`]), plans the command lines ([`campaign::instance::CampaignPlan::instances`])
//! and runs them ([`campaign::runner::run`]).

pub mod bench;
pub mod bundle;
pub mod campaign;
pub mod commands;
pub mod coverage;
pub mod fleet;
pub mod fuzz_target;
pub mod input;
pub mod options;
pub mod project;
pub mod recipe;
pub mod report;
pub mod routes;
pub mod sandbox;
pub mod server;
pub mod toolchain;
pub mod triage;
pub mod util;
