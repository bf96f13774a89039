//! State of a session at the client, which shows whether a step is possible: open connections, and the number of steps.

use super::{Action, Connection, MAX_STEPS};

/// State of the client's end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Closed,
    Open,
    HalfClosed,
}

/// Reason why a step is impossible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    NotOpen,
    AlreadyOpen,
    HalfClosed,
    TooManySteps,
}

/// State of a session after some of its steps.
#[derive(Debug, Clone)]
pub(super) struct SessionState {
    ends: [End; Connection::COUNT],
    steps: usize,
}

impl SessionState {
    pub(super) const fn new() -> Self {
        Self { ends: [End::Closed; Connection::COUNT], steps: 0 }
    }

    /// Whether no step is left.
    pub(super) fn is_over(&self) -> bool {
        self.steps == MAX_STEPS
    }

    /// Takes one step.
    ///
    /// # Errors
    /// Returns the reason why the step is impossible.
    pub(super) fn take<Bytes>(
        &mut self,
        connection: Connection,
        action: &Action<Bytes>,
    ) -> Result<(), Refusal> {
        let end = &mut self.ends[connection.index()];
        let next = match (action, *end) {
            (Action::Send(_) | Action::HalfClose, End::HalfClosed) => return Err(Refusal::HalfClosed),
            (Action::Open, End::Open | End::HalfClosed) => return Err(Refusal::AlreadyOpen),
            (Action::HalfClose | Action::Close | Action::Reset, End::Closed) => return Err(Refusal::NotOpen),
            (Action::Send(_) | Action::Open, _) => End::Open,
            (Action::HalfClose, _) => End::HalfClosed,
            (Action::Close | Action::Reset, _) => End::Closed,
        };
        if self.steps == MAX_STEPS {
            return Err(Refusal::TooManySteps);
        }
        *end = next;
        self.steps += 1;
        Ok(())
    }
}
