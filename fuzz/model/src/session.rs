//! Parsed sessions: sessions whose chunks are pipelines.

use sockfuzz_protocol::session::{Action, Session, Step};

use crate::{Pipeline, Visit};

/// Session with parsed chunks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParsedSession<'a> {
    /// The steps.
    pub steps: Vec<ParsedStep<'a>>,
}

/// Step of a parsed session.
pub type ParsedStep<'a> = Step<Pipeline<'a>>;

impl<'a> ParsedSession<'a> {
    /// Parses the chunks of any session.
    #[must_use]
    pub fn parse(session: &'a Session) -> Self {
        let understood = |step: &'a Step| Step {
            connection: step.connection,
            action: match &step.action {
                Action::Send(chunk) => Action::Send(Pipeline::parse(chunk)),
                Action::Open => Action::Open,
                Action::HalfClose => Action::HalfClose,
                Action::Close => Action::Close,
                Action::Reset => Action::Reset,
            },
        };
        Self { steps: session.steps().iter().map(understood).collect() }
    }

    /// Converts back to a session. Omits empty chunks, and steps that the state of the session does not allow.
    #[must_use]
    pub fn session(&self) -> Session {
        let plain = |step: &ParsedStep<'a>| Step {
            connection: step.connection,
            action: match &step.action {
                Action::Send(pipeline) => Action::Send(pipeline.serialise()),
                Action::Open => Action::Open,
                Action::HalfClose => Action::HalfClose,
                Action::Close => Action::Close,
                Action::Reset => Action::Reset,
            },
        };
        self.steps.iter().map(plain).collect()
    }
}
