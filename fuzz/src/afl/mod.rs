//! Stock afl-fuzz, driven: finding or installing it, the environment and command lines it needs,
//! its output directory, its instances while they run, and what they report.

pub mod campaign;
pub mod cargo_afl;
pub mod environment;
pub mod failure;
pub mod instance;
pub mod measure;
pub mod output_dir;
pub mod report;
pub mod stats;
