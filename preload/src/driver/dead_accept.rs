//! An oracle: a server that has accepted connections in this process, and now is idle with one
//! waiting, has lost its accept loop, holds a lock for ever, or has run out of descriptors. Nobody
//! can use it any more, so that is a crash.

use std::time::Duration;

use sockfuzz_protocol::{Counter, DeadAccept, specs};

use crate::determinism::clock;
use crate::sys::config::{self, RunMode};
use crate::sys::{proc, report};

/// Real time in which the server may still do so: it may have stopped on purpose, until a timer of
/// its own. Less than afl-fuzz's usual limit of a second.
const DEAD_ACCEPT_TIMEOUT: Duration = Duration::from_millis(800);

/// Which input the server stopped accepting at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Culprit {
    /// The current one: it has been played before.
    This,
    /// One that was reported to afl-fuzz already.
    Earlier,
}

/// What is known of the server's accepting.
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

    /// Every connection made is accepted.
    pub(super) fn all_accepted(&mut self) {
        self.accepted = true;
        self.since = None;
    }

    /// An idle server has left a connection alone. Says whether to wait on; does not return when
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

    /// There is no descriptor for the client's end of a connection.
    pub(super) fn out_of_descriptors(&self, culprit: Culprit) {
        if self.accepted && is_crash() {
            crash(culprit, format_args!("the server has used up its descriptors"))
        }
    }
}

/// Whether to look: in the loop, unless told otherwise; in a single run only when told to.
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
        Culprit::Earlier => "since an input before this one, most likely the one just before",
    };
    report::emit(format_args!(
        "{what}, {since}: a crash ({}=count only counts)",
        specs::DEAD_ACCEPT.variable
    ));
    match proc::count_server_fds() {
        Some(open) => report::emit(format_args!("{open} descriptors of its own are open")),
        None => report::emit(format_args!("not one descriptor is left to it")),
    }
    std::process::abort()
}
