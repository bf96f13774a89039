//! Subcommands. Each module holds the arguments and the `run` function of one, and imports no other subcommand.

pub mod bench;
pub mod bundle;
pub mod cargo;
pub mod certificate;
pub mod check;
pub mod compiler;
pub mod corpus;
pub mod cover;
pub mod engine;
pub mod fuzz;
pub mod init;
pub mod judge;
pub mod record;
pub mod replay;
pub mod report;
pub mod routes;
pub mod run;
pub mod server_setup;
pub mod servers;
pub mod session;
pub mod sync;
pub mod target;
pub mod tools;
pub mod triage;
