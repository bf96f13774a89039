//! Sessions whose chunks are pipelines.

use sockfuzz_protocol::session::{Action, Session, Step};

use crate::{Pipeline, Visit};

/// A session, understood: what is done, step by step, on up to four connections.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conversation<'a> {
    /// The steps.
    pub turns: Vec<Turn<'a>>,
}

/// A step of one.
pub type Turn<'a> = Step<Pipeline<'a>>;

impl<'a> Conversation<'a> {
    /// Understands any session.
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
        Self { turns: session.steps().iter().map(understood).collect() }
    }

    /// The session again. Steps that cannot be done are left out.
    #[must_use]
    pub fn session(&self) -> Session {
        let plain = |turn: &Turn<'a>| Step {
            connection: turn.connection,
            action: match &turn.action {
                Action::Send(pipeline) => Action::Send(pipeline.serialise()),
                Action::Open => Action::Open,
                Action::HalfClose => Action::HalfClose,
                Action::Close => Action::Close,
                Action::Reset => Action::Reset,
            },
        };
        self.turns.iter().map(plain).collect()
    }
}
