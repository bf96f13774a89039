//! All that runs beside afl-fuzz: running a server once, checking it, fuzzing it, and replaying
//! what was found. The binary is a thin shell around this library, so that tests can use its
//! parts.

pub mod afl;
pub mod bench;
pub mod bundled;
pub mod cli;
pub mod commands;
pub mod compare;
pub mod corpus;
pub mod import;
pub mod interrupt;
pub mod library;
pub mod memory_file;
pub mod mutator;
pub mod output;
pub mod preload;
pub mod printable;
pub mod problem;
pub mod recipe;
pub mod sandbox;
pub mod server;
pub mod status_file;
pub mod tcp_client;
pub mod transport;
pub mod workspace;
