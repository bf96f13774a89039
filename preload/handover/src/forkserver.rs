//! Decisions of the forkserver when a child dies that writes its answers itself.
//!
//! A child answers with a status and with the process id for AFL++'s next request, in one write. AFL++ reads the
//! status, writes its next request, and reads the id, in this order. When the child has died, nobody but AFL++ uses
//! the other ends of the two pipes, so they tell how far the two have come.

/// How far a child has come with its iteration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum IterationState {
    /// Not ended yet.
    Running = 0,
    /// Ended; the answer is being written.
    Reporting = 1,
    /// The answer is written.
    Reported = 2,
}

/// Where AFL++'s next request is, when a child has died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestPlace {
    /// Not written yet, or the process id of this child's is not read yet: look again.
    Unknown,
    /// In the pipe, or the end of all requests is.
    InPipe,
    /// AFL++ waits for a status: it has written none since the last, or the child has read it.
    Absent,
}

/// Looks for the request. `all_read`: AFL++ has read every answer. `request_comes`: a request, or the end of all, is
/// in the pipe.
pub fn find_request(all_read: impl FnOnce() -> bool, request_comes: impl FnOnce() -> bool) -> RequestPlace {
    // In this order: AFL++ writes its request before it reads the id that lies in the pipe.
    let all_read = all_read();
    if request_comes() {
        RequestPlace::InPipe
    } else if all_read {
        RequestPlace::Absent
    } else {
        RequestPlace::Unknown
    }
}

/// Whether a dead child had answered for its last iteration; `None` when that is to be seen later.
pub fn has_reported(state: IterationState, find_request: impl FnOnce() -> RequestPlace) -> Option<bool> {
    match state {
        IterationState::Running => Some(false),
        IterationState::Reported => Some(true),
        // It has read no request since. What lies in the pipe may be its answer, or its own process id.
        IterationState::Reporting => match find_request() {
            RequestPlace::InPipe => Some(true),
            RequestPlace::Absent => Some(false),
            RequestPlace::Unknown => None,
        },
    }
}
