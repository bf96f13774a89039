//! Helpers that do not depend on servers, inputs or campaigns. They import each other in one direction only: from
//! the end of this list to its beginning.

pub mod affinity;
pub mod exit_code;
pub mod fingerprint;
pub mod memory_file;
pub mod packet_capture;
pub mod percent;
pub mod printable;
pub mod shell;

pub mod notice;

pub mod interrupt;
pub mod problem;

pub mod open_files;
pub mod output_file;
pub mod user_files;

pub mod certificates;

pub mod embedded;
pub mod home_bundle;

pub mod workspace;

pub mod library;

pub mod launcher;
pub mod preload;
