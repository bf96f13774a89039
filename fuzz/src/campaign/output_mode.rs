//! Where the output of afl-fuzz goes.

/// Where the output of afl-fuzz goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputMode {
    /// To the terminal, with its status screen.
    StatusScreen,
    /// Through sockfuzz to stdout.
    Lines,
    /// To a log for each instance, while one line sums up.
    Logs,
}
