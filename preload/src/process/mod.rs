//! Processes and threads of the server: which exist, which one drives, and who the server believes to be.

pub(crate) mod children;
pub(crate) mod daemon;
pub(crate) mod driver_process;
pub(crate) mod ending;
pub(crate) mod identity;
pub(crate) mod panics;
pub(crate) mod process_table;
pub(crate) mod relatives;
