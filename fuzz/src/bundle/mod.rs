//! Bundles: one directory with a server and all that it needs to be fuzzed on another machine (`sockfuzz bundle`).
//!
//! The server runs once with the seeds while [`tracer`] notes which files it uses; [`accesses`] reads these notes,
//! [`selection`] decides what belongs into the bundle, and [`assembly`] writes it.

pub mod paths;

pub mod accesses;

pub mod elf;
pub mod machine;
pub mod needed_library;
pub mod selection;
pub mod tracer;
pub mod tree;

pub mod licences;
pub mod manifest;
pub mod programs;
pub mod seed_archive;
pub mod texts;

pub mod assembly;
