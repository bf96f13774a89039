//! Oracle for servers that stop accepting. A server that has accepted connections in this process, and is idle while
//! one waits, has lost its accept loop, holds a lock for ever, or has run out of file descriptors. No client can use
//! it any more, so this is a crash.

use std::time::Duration;

use sockfuzz_protocol::{Counter, DeadAccept, specs};

use crate::determinism::clock;
use crate::sys::config::{self, RunMode};
use crate::sys::{proc, report};

/// Real time in which the server may still accept: it may have paused on purpose, until a timer of its own expires.
/// Less than afl-fuzz's usual time limit of one second.
const DEAD_ACCEPT_TIMEOUT: Duration = Duration::from_millis(800);

/// Input at which the server stopped accepting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Culprit {
    /// The current input: no other one ran just before it.
    This,
    /// An earlier input, which was already reported to afl-fuzz.
    Earlier,
}

/// Monitor of whether the server still accepts connections.
#[derive(Debug)]
pub(super) struct AcceptMonitor {
    accepted: bool,
    /// When the current connection began to wait (CLOCK_MONOTONIC).
    since: Option<Duration>,
}

impl AcceptMonitor {
    pub(super) const fn new() -> Self {
        Self { accepted: false, since: None }
    }

    /// Records that every connection is accepted.
    pub(super) fn all_accepted(&mut self) {
        self.accepted = true;
        self.since = None;
    }

    /// Checks an idle server that has not accepted a connection. Returns whether to wait longer, and does not return if
    /// that is a crash.
    pub(super) fn waits_on(&mut self, culprit: Culprit) -> bool {
        if !self.accepted || !is_crash() {
            return false;
        }
        let now = clock::real_now();
        if now - *self.since.get_or_insert(now) < DEAD_ACCEPT_TIMEOUT {
            return true;
        }
        crash(culprit, format_args!("the server is idle, but accepts no more connections"))
    }

    /// Reports that no descriptor is left for the client's end of a connection. Does not return if that is a crash.
    pub(super) fn out_of_descriptors(&self, culprit: Culprit) {
        if self.accepted && is_crash() {
            crash(culprit, format_args!("the server has used up its descriptors"))
        }
    }
}

/// Whether a server that stops accepting has crashed: by default in the loop, but not in a single run.
pub(super) fn is_crash() -> bool {
    config::get().is_some_and(|config| match config.options.dead_accept {
        DeadAccept::Auto => config.run_mode == RunMode::Loop,
        DeadAccept::Crash => true,
        DeadAccept::Count => false,
    })
}

fn crash(culprit: Culprit, what: std::fmt::Arguments<'_>) -> ! {
    report::status().add(Counter::Unaccepted, 1);
    let since = match culprit {
        Culprit::This => "since this input",
        Culprit::Earlier => "since an earlier input, most likely the previous one",
    };
    report::emit(format_args!(
        "{what}, {since}: this is reported as a crash (with {}=count it is only counted)",
        specs::DEAD_ACCEPT.variable
    ));
    match proc::count_server_fds() {
        Some(open) => report::emit(format_args!("the server has {open} file descriptors open")),
        None => report::emit(format_args!("the server has no file descriptor left")),
    }
    std::process::abort()
}
