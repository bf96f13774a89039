//! Error type for users: symptom, remedy, exit status.

use thiserror::Error;

use crate::util::exit_code;
use crate::util::interrupt::Interrupted;

/// Error with its remedy.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
#[error("{what}\n  remedy: {remedy}")]
pub struct Problem {
    what: String,
    remedy: String,
    exit_code: u8,
}

impl Problem {
    /// Creates a problem with the given exit status (see [`exit_code`]).
    pub fn new(exit_code: u8, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into(), exit_code }
    }

    /// Creates a problem with the exit status [`exit_code::FAILED`].
    pub fn failed(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(exit_code::FAILED, what, remedy)
    }

    /// Adds the cause of the problem, and replaces the remedy by one for that cause.
    #[must_use]
    pub fn with_cause(self, cause: &str, remedy: impl Into<String>) -> Self {
        Self { what: format!("{}\n  {cause}", self.what), remedy: remedy.into(), exit_code: self.exit_code }
    }

    /// Returns the symptom, without the remedy.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Returns the exit status for this problem.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.exit_code
    }

    /// Returns the exit status for any error: that of the problem or the interruption, otherwise
    /// [`exit_code::FAILED`].
    #[must_use]
    pub fn exit_code_of(error: &anyhow::Error) -> u8 {
        let problem = error.downcast_ref().map(Self::exit_code);
        let interrupted = || error.downcast_ref().copied().map(Interrupted::exit_code);
        problem.or_else(interrupted).unwrap_or(exit_code::FAILED)
    }
}
