//! Interface of the wait loop to the client that an idle server plays.

use std::time::Duration;

use rustix::event::PollFd;

/// Result of a client's step, by which the wait loop decides what to do next.
#[derive(Debug)]
pub(crate) enum IdleStep {
    /// The client did something that may have given the server work.
    Progress,
    /// The client did nothing: its next step depends on one of these descriptors, or on the time limit.
    Sleep { until: Vec<PollFd<'static>>, limit: Option<Duration> },
    /// The client did nothing, and only a timer of the server can change that.
    WaitForTimer,
    /// The client did nothing. If the server waits for a timer, the virtual clock may be advanced to it now.
    AdvanceClock,
}

/// Client of a session. Its methods are called by the thread that holds the driver guard.
pub(crate) trait IdleClient {
    /// Takes the next step. The server is idle.
    fn step(&mut self) -> IdleStep;

    /// Reads the remaining answers of a server that exits with `status`.
    fn server_exits(&mut self, status: i32);

    /// Adapts to a fork of the server, in the child.
    fn after_fork(&mut self);
}
