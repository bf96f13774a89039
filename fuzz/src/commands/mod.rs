//! The subcommands, one file each with its arguments and its `run`. None of them imports another.

pub mod bench;
pub mod check;
pub mod corpus;
pub mod fuzz;
pub mod replay;
pub mod run;
pub mod servers;
pub mod session;
