//! Helpers without knowledge of servers, inputs or campaigns. Among each other, too, they import down
//! only, from the last line of this list to the first.

pub mod affinity;
pub mod exit_code;
pub mod fingerprint;
pub mod memory_file;
pub mod printable;
pub mod shell;

pub mod interrupt;
pub mod problem;

pub mod open_files;
pub mod output_file;
pub mod workspace;

pub mod library;
pub mod preload;
