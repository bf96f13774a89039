//! Confirmation on the plain server: without the preload, over real TCP, several times.

use std::fmt;

use anyhow::Result;

use super::cause::Cause;
use crate::server::diagnose::describe_exit;
use crate::server::plain_run::{self, PlainEnd};
use crate::server::single_run::RunConfig;

/// How often a finding happened on the plain server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// Number of attempts.
    pub attempts: u32,
    /// Number of those in which it happened.
    pub happened: u32,
    /// How the server ended, if it did.
    pub end: Option<String>,
}

/// Sends the inputs to a fresh plain server `attempts` times.
///
/// # Errors
/// When the server never listens, or the user interrupts.
pub fn confirm(
    config: &RunConfig<'_>,
    cause: &Cause,
    inputs: &[Vec<u8>],
    attempts: u32,
) -> Result<Confirmation> {
    let mut confirmation = Confirmation { attempts, happened: 0, end: None };
    for _ in 0..attempts {
        let end = plain_run::run(config, inputs)?;
        if is_confirmed(cause, end) {
            confirmation.happened += 1;
            confirmation.end = Some(describe(end));
        }
    }
    Ok(confirmation)
}

/// Whether the plain server ended as the one in the loop.
fn is_confirmed(cause: &Cause, end: PlainEnd) -> bool {
    match cause {
        Cause::Crash(_) | Cause::CrashSomewhere(_) => {
            end == PlainEnd::Panicked || matches!(end, PlainEnd::Ended(status) if !status.success())
        }
        Cause::Exit(_) => matches!(end, PlainEnd::Ended(_)),
        Cause::Hang => end == PlainEnd::TimedOut,
        Cause::InternalError => false,
    }
}

fn describe(end: PlainEnd) -> String {
    match end {
        PlainEnd::Serves => "it still serves".to_owned(),
        PlainEnd::Ended(status) => describe_exit(status),
        PlainEnd::Panicked => "a Rust panic, which the server caught".to_owned(),
        PlainEnd::TimedOut => "no answer in time".to_owned(),
    }
}

impl fmt::Display for Confirmation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { attempts, happened, end } = self;
        match end {
            Some(end) => write!(f, "{happened} of {attempts} on the plain server: {end}"),
            None => write!(f, "only under sockfuzz: 0 of {attempts} on the plain server"),
        }
    }
}
