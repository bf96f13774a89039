//! Destination of the output of afl-fuzz.

/// Destination of the output of afl-fuzz.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputMode {
    /// The terminal, with the status screen of afl-fuzz.
    StatusScreen,
    /// Stdout, copied by sockfuzz.
    Lines,
    /// A log for each instance. A progress line shows the combined figures.
    Logs,
}
