//! Processes of the server: which exist, how they end, which one is the driver process, and which process ids
//! the server sees.

pub(crate) mod children;
pub(crate) mod daemon;
pub(crate) mod driver_process;
pub(crate) mod ending;
pub(crate) mod helper;
pub(crate) mod identity;
pub(crate) mod panics;
pub(crate) mod process_table;
pub(crate) mod relatives;
