//! Driver process. A server may fork: a master keeps the listener open, workers accept, CGI programs
//! run for a while. The first process that waits for connections plays the client; in the others, the
//! same calls only wait.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::SeqCst};

use rustix::io::Errno;
use rustix::process::{Pid, getpid, test_kill_process};

use super::process_table;
use crate::sys::shared_pages::{self, Shareable};
use crate::sys::{config, report};

/// Process id of the driver process; 0 while there is none.
struct DriverPid(AtomicI32);

// SAFETY: zero is valid (no process); there are no pointers, and the only field is atomic.
unsafe impl Shareable for DriverPid {}

static DRIVER: OnceLock<&DriverPid> = OnceLock::new();
/// Whether this process is the driver process.
static IS_DRIVER: AtomicBool = AtomicBool::new(false);

/// Maps the shared page. Must be called before the server forks, because its processes compete for the role.
pub(crate) fn share() {
    process_table::share();
    if DRIVER.get().is_none()
        && let Ok(driver) = shared_pages::map()
    {
        let _ = DRIVER.set(driver);
    }
}

/// Whether any process is or was the driver process.
pub(crate) fn exists() -> bool {
    DRIVER.get().is_some_and(|driver| driver.0.load(SeqCst) != 0)
}

/// Whether this process is the driver process. It claims the role if it can.
pub(crate) fn is_this_process() -> bool {
    IS_DRIVER.load(SeqCst) || try_claim()
}

/// Whether this process is already the driver process.
pub(crate) fn is_known() -> bool {
    IS_DRIVER.load(SeqCst)
}

fn try_claim() -> bool {
    let Some(driver) = DRIVER.get() else { return false };
    let me = getpid().as_raw_nonzero().get();
    let before = driver.0.load(SeqCst);
    let is_gone = Pid::from_raw(before).is_some_and(|pid| test_kill_process(pid) == Err(Errno::SRCH));
    if is_gone && config::is_loop() {
        // The forkserver has ended, and with it the campaign: leave no worker behind.
        report::exit(0);
    }
    let is_free = before == 0 || is_gone;
    let claimed = is_free && driver.0.compare_exchange(before, me, SeqCst, SeqCst).is_ok();
    if claimed {
        IS_DRIVER.store(true, SeqCst);
        report::status().set_pid(me.unsigned_abs());
    }
    claimed
}

/// Makes this process the driver process if there is none yet. It becomes the forkserver, and its children
/// play the client.
pub(crate) fn claim() {
    share();
    let _ = is_this_process();
}

/// Gives up the role in a child process that the server has forked.
pub(crate) fn reset_after_fork() {
    IS_DRIVER.store(false, SeqCst);
}
