//! Counters of the status page.

/// Counter over all processes of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Counter {
    /// Iterations begun.
    Iterations,
    /// Connections that the server accepted.
    Accepted,
    /// Connections that an idle server never accepted.
    Unaccepted,
    /// Connections that an idle server never closed, although the client had hung up.
    Abandoned,
    /// Server processes that ran at least one iteration.
    Processes,
    /// Iterations of the measured processes: those that ran their share or ended early, so that descriptors were
    /// counted.
    Measured,
    /// Processes that were started and waiting when their turn came.
    Spares,
    /// Descriptors that the measured processes had open at the end in addition to those after their warm-up.
    Leaked,
    /// Exits of the server in the middle of an iteration, without a signal.
    Exits,
    /// Ends of the server by an error in the preload.
    InternalErrors,
    /// Warm-ups that were left out, because the server had ended in one.
    WarmUpsLeftOut,
    /// Bytes of memory that the measured processes occupied at the end in addition to those after their warm-up.
    LeakedMemory,
    /// Threads that they had in addition.
    LeakedThreads,
    /// Unreaped child processes that they had in addition.
    LeakedProcesses,
    /// Processes that the server was not allowed to fork.
    ForksRefused,
    /// Processes that ended before their share of iterations was over, because they had leaked too much.
    EarlyEnds,
    /// Ends of the server, by a crash or an exit, between two iterations.
    EndsBetween,
    /// Crashes of processes beside the one that accepts; such a crash ends the campaign.
    ProcessesLost,
    /// Answers with a status code 2xx (RFC 9110, section 15), as far as a piece of an answer begins with it.
    Successes,
    /// The same for 3xx.
    Redirections,
    /// The same for 4xx.
    ClientErrors,
    /// The same for 5xx.
    ServerErrors,
    /// Connections on which the TLS handshake was full.
    FullHandshakes,
    /// Connections on which it has resumed a session.
    ResumedHandshakes,
    /// Connections on which it has failed.
    FailedHandshakes,
}

impl Counter {
    /// Returns the counter for an answer that begins with a status line of HTTP/1 and a final status code.
    #[must_use]
    pub fn of_answer(piece: &[u8]) -> Option<Self> {
        // "HTTP/1.1 200"
        match piece.strip_prefix(b"HTTP/1.")?.get(2)? {
            b'2' => Some(Self::Successes),
            b'3' => Some(Self::Redirections),
            b'4' => Some(Self::ClientErrors),
            b'5' => Some(Self::ServerErrors),
            _ => None,
        }
    }
}

/// Number of counters.
pub(crate) const COUNTERS: usize = Counter::FailedHandshakes as usize + 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_the_class_of_their_status() {
        assert_eq!(Counter::of_answer(b"HTTP/1.1 204 No Content\r\n"), Some(Counter::Successes));
        assert_eq!(Counter::of_answer(b"HTTP/1.0 404"), Some(Counter::ClientErrors));
        for other in [&b"HTTP/1.1 100 Continue"[..], b"HTTP/1.1 ", b"<html>", b""] {
            assert_eq!(Counter::of_answer(other), None);
        }
    }
}
