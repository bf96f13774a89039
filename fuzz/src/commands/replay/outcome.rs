//! Outcome of a replayed input: whether the server crashed or hung, and whether that reproduces the finding.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::Signal;
use sockfuzz_protocol::{EXIT_SIGNAL, Exits};

use crate::input::judge::Fault;
use crate::server::diagnose::describe_exit;
use crate::server::loop_run::{InputEnd, ProcessRun};
use crate::server::sanitizers;
use crate::server::single_run::{FindingKind, RunEnd, SingleRun};

/// Effect of an input on the server.
pub(super) enum ReplayOutcome {
    Answered,
    Exited { status: String, is_finding: bool },
    InternalError,
    Signalled { signal: String, panicked: bool },
    Hung(String),
    AnsweredWrongly(String),
}

impl ReplayOutcome {
    pub(super) fn of(run: &SingleRun, exits: Exits) -> Self {
        let exited = |status| Self::Exited { status, is_finding: exits == Exits::Crash };
        match &run.end {
            _ if run.internal_error => Self::InternalError,
            RunEnd::Finished if run.exited && exits == Exits::Crash => exited("exit status 0".to_owned()),
            RunEnd::Finished | RunEnd::Background(..) => Self::Answered,
            RunEnd::TimedOut(threads) => Self::Hung(threads.to_string()),
            RunEnd::Ended(status) => match status.signal() {
                None => exited(describe_exit(*status)),
                Some(number) => Self::signalled(*status, number, &run.output),
            },
        }
    }

    /// Like [`Self::of`], where answers with a fault are a failure, too.
    pub(super) fn judged(run: &SingleRun, exits: Exits, faults: &[Fault]) -> Self {
        let describe = |fault: &Fault| match fault.detail.as_str() {
            "" => fault.to_string(),
            detail => format!("{fault} ({detail})"),
        };
        match Self::of(run, exits) {
            Self::Answered if !faults.is_empty() => {
                Self::AnsweredWrongly(faults.iter().map(describe).collect::<Vec<_>>().join("; "))
            }
            outcome => outcome,
        }
    }

    /// The outcome of the last input of a process in the loop.
    pub(super) fn of_process(run: &ProcessRun) -> Self {
        match run.end {
            _ if run.internal_error => Self::InternalError,
            InputEnd::Answered => Self::Answered,
            InputEnd::TimedOut => Self::Hung("in the loop".to_owned()),
            InputEnd::Ended(status) => match status.signal() {
                Some(EXIT_SIGNAL) => Self::Exited { status: "in the loop".to_owned(), is_finding: true },
                Some(number) => Self::signalled(status, number, &run.output),
                None => Self::Exited { status: describe_exit(status), is_finding: false },
            },
        }
    }

    fn signalled(status: ExitStatus, number: i32, output: &[u8]) -> Self {
        let panicked = number == Signal::ABORT.as_raw() && sanitizers::has_rust_panic(output);
        Self::Signalled { signal: describe_exit(status), panicked }
    }

    /// Whether a finding of this kind has been reproduced.
    pub(super) fn is(&self, kind: FindingKind) -> bool {
        match self {
            Self::Answered | Self::InternalError => false,
            Self::Exited { is_finding, .. } => *is_finding && kind == FindingKind::Crash,
            Self::Signalled { .. } => kind == FindingKind::Crash,
            Self::Hung(_) => kind == FindingKind::Hang,
            Self::AnsweredWrongly(_) => kind == FindingKind::WrongAnswer,
        }
    }

    /// Whether the server crashed, hung or exited, or sockfuzz failed.
    pub(super) fn is_failure(&self) -> bool {
        !matches!(self, Self::Answered)
    }

    pub(super) fn describe(&self, timeout: Duration) -> String {
        match self {
            Self::AnsweredWrongly(faults) => format!("WRONG ANSWER: {faults}"),
            Self::Answered => "answered, without a crash or a hang".to_owned(),
            Self::Exited { status, is_finding: true } => {
                format!("the server exited: {status}; a campaign saves that as sig:{EXIT_SIGNAL:02}")
            }
            Self::Exited { status, .. } => format!("the server exited: {status}"),
            Self::InternalError => {
                "internal error of sockfuzz, not of the server: please report it".to_owned()
            }
            Self::Signalled { signal, panicked: true } => format!("CRASH: the server panicked, {signal}"),
            Self::Signalled { signal, .. } => format!("CRASH: {signal}"),
            Self::Hung(threads) => {
                format!("HANG: still running after {} s, killed; {threads}", timeout.as_secs_f64())
            }
        }
    }
}

/// Whether the server's output contains a backtrace, of a panic or of a sanitizer.
pub(super) fn has_backtrace(output: &[u8]) -> bool {
    contains(output, b"stack backtrace:") || sanitizers::is_report(output)
}

fn contains(output: &[u8], part: &[u8]) -> bool {
    output.windows(part.len()).any(|window| window == part)
}
