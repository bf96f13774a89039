//! The error type for users: symptom, remedy, exit status.

use thiserror::Error;

use crate::util::exit_code;
use crate::util::interrupt::Interrupted;

/// An error that names its remedy.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
#[error("{what}\n  remedy: {remedy}")]
pub struct Problem {
    what: String,
    remedy: String,
    exit_code: u8,
}

impl Problem {
    /// A problem with the given exit status (see [`exit_code`]).
    pub fn new(exit_code: u8, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into(), exit_code }
    }

    /// Something that sockfuzz needs is missing or failed.
    pub fn failed(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(exit_code::FAILED, what, remedy)
    }

    /// The problem with its cause added, and the remedy for that cause.
    #[must_use]
    pub fn with_cause(self, cause: &str, remedy: impl Into<String>) -> Self {
        Self { what: format!("{}\n  {cause}", self.what), remedy: remedy.into(), exit_code: self.exit_code }
    }

    /// The symptom, without the remedy.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// The exit status for this problem.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.exit_code
    }

    /// The exit status for any error: that of the problem or the interruption, otherwise
    /// [`exit_code::FAILED`].
    #[must_use]
    pub fn exit_code_of(error: &anyhow::Error) -> u8 {
        let problem = error.downcast_ref().map(Self::exit_code);
        let interrupted = || error.downcast_ref().copied().map(Interrupted::exit_code);
        problem.or_else(interrupted).unwrap_or(exit_code::FAILED)
    }
}
