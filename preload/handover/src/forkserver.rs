//! Decisions of the forkserver after the death of a child that writes its answers itself.
//!
//! A child answers with a status and with the process id for AFL++'s next request, in one write. AFL++ reads the
//! status, writes its next request, and reads the id, in this order. After the death of the child, only AFL++ uses the
//! other ends of the two pipes, so their contents show how far the child and AFL++ have come.

/// Progress of a child in its iteration.
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

/// Place of AFL++'s next request, after the death of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestPlace {
    /// Unknown: AFL++ has not read every answer, or this child's process id, yet. Check again.
    Unknown,
    /// In the pipe, or the pipe is closed.
    InPipe,
    /// AFL++ waits for a status: it has written no request since the last one, or the child has read it.
    Absent,
}

/// Finds the request. `all_read` returns whether AFL++ has read every answer; `request_comes`, whether a request, or
/// the end of all requests, is in the pipe.
pub fn find_request(all_read: impl FnOnce() -> bool, request_comes: impl FnOnce() -> bool) -> RequestPlace {
    // In this order: AFL++ writes its request before it reads the id from the pipe.
    let all_read = all_read();
    if request_comes() {
        RequestPlace::InPipe
    } else if all_read {
        RequestPlace::Absent
    } else {
        RequestPlace::Unknown
    }
}

/// Whether a dead child had reported its last iteration; `None` while that is unknown.
pub fn has_reported(state: IterationState, find_request: impl FnOnce() -> RequestPlace) -> Option<bool> {
    match state {
        IterationState::Running => Some(false),
        IterationState::Reported => Some(true),
        // It has read no request since. The pipe may still hold its answer, or its own process id.
        IterationState::Reporting => match find_request() {
            RequestPlace::InPipe => Some(true),
            RequestPlace::Absent => Some(false),
            RequestPlace::Unknown => None,
        },
    }
}
