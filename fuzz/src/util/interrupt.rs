//! SIGINT, SIGTERM and SIGHUP. A signal handler records them, and every loop that waits checks for them, cleans up
//! and returns.

use std::io;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use procfs::process::Process;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use thiserror::Error;

use crate::util::exit_code;

static LAST_SIGNAL: OnceLock<Arc<AtomicUsize>> = OnceLock::new();

/// Error for a user's request to stop, with its signal.
#[derive(Debug, Clone, Copy, Error, PartialEq, Eq)]
#[error("interrupted")]
pub struct Interrupted(i32);

impl Interrupted {
    /// Returns the number of the signal.
    #[must_use]
    pub fn number(self) -> i32 {
        self.0
    }

    /// Returns the exit status that a shell reports for a process ended by the signal.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        exit_code::SIGNAL_BASE + u8::try_from(self.0).unwrap_or(0)
    }
}

/// Installs signal handlers that record SIGINT, SIGTERM and SIGHUP instead of ending the process. Under
/// nohup(1), SIGHUP stays ignored.
///
/// # Errors
/// When the kernel refuses a signal handler.
pub fn install() -> io::Result<()> {
    let last = LAST_SIGNAL.get_or_init(Arc::default);
    let hangup = (!is_ignored(SIGHUP)).then_some(SIGHUP);
    for signal in [SIGINT, SIGTERM].into_iter().chain(hangup) {
        let number = usize::try_from(signal).expect("signal numbers are positive");
        signal_hook::flag::register_usize(signal, Arc::clone(last), number)?;
    }
    Ok(())
}

fn is_ignored(signal: i32) -> bool {
    let status = Process::myself().and_then(|process| process.status());
    status.is_ok_and(|status| status.sigign & (1 << (signal - 1)) != 0)
}

/// Checks whether the user has asked to stop since [`install`].
///
/// # Errors
/// When the user has asked to stop, so that `?` returns to the clean-up.
pub fn check() -> Result<(), Interrupted> {
    match LAST_SIGNAL.get().map_or(0, |last| last.load(SeqCst)) {
        0 => Ok(()),
        signal => Err(Interrupted(i32::try_from(signal).unwrap_or(SIGINT))),
    }
}

/// Forgets a request to stop, which has been fulfilled, so that what remains to be done can be done.
pub fn forget() {
    if let Some(last) = LAST_SIGNAL.get() {
        last.store(0, SeqCst);
    }
}
