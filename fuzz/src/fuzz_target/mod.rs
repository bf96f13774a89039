//! What fleets of fuzzing machines expect of a fuzz target (`sockfuzz target` and `sockfuzz engine-fuzz`, which the launcher
//! of a bundle starts): libFuzzer's command line, its log and its exit statuses, and afl-fuzz as ClusterFuzz runs it.
//! These modules import each other in one direction only: from the end of this list to its beginning.

pub mod flags;
pub mod log;
pub mod unit;

pub mod target_line;
pub mod target_server;

mod frames;

pub mod crash_report;

pub mod playback;

pub mod target_loop;

pub mod merge;
pub mod shrink;

mod finding_check;

mod campaign_watch;

pub mod fuzzing;

pub mod afl_engine;
