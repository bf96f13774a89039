//! The subcommands, one per file: each turns its arguments into work and an exit status.

pub mod bench;
pub mod check;
pub mod corpus;
pub mod fuzz;
pub mod replay;
pub mod run;
mod seeds;
pub mod servers;
pub mod session;
