//! The client that an idle server plays, as the wait loop sees it.

use std::time::Duration;

use rustix::event::PollFd;

/// What the client did, and so what the wait loop does next.
#[derive(Debug)]
pub(crate) enum IdleStep {
    /// Something that may have given the server work.
    Progress,
    /// Nothing: the next step depends on one of these descriptors, or on the limit.
    Sleep { until: Vec<PollFd<'static>>, limit: Option<Duration> },
    /// Nothing, and only a timer of the server's own can change that.
    WaitForTimer,
    /// Nothing, and if the server waits for a timer, the virtual clock may be advanced to it now.
    AdvanceClock,
}

/// The client of a session. Its methods are called by the thread that holds the driver guard.
pub(crate) trait IdleClient {
    /// Takes the next step. The server is idle.
    fn step(&mut self) -> IdleStep;

    /// Sees what the server, which exits with `status`, has left.
    fn server_exits(&mut self, status: i32);

    /// Adapts to a fork of the server's, in the child.
    fn after_fork(&mut self);
}
