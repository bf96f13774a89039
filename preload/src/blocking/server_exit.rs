//! Last step of the driver, when the server exits.

use std::time::Duration;

use rustix::event::Timespec;
use rustix::thread::{NanosleepRelativeResult, nanosleep};

use super::accepting::is_accepting;
use super::driver_guard::DriverGuard;
use crate::determinism::clock;
use crate::process::driver_process;

/// Time for which the exiting thread waits for the driver guard. The thread that holds it continues as long as the
/// server seems idle.
const GUARD_TIMEOUT: Duration = Duration::from_millis(100);

/// Interval between two attempts to take the guard.
const GUARD_POLL_INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };

/// Lets the client read the remaining answers of a server that exits with `status`.
pub(crate) fn notify_client(status: i32) {
    if !is_accepting() || !driver_process::is_known() {
        return;
    }
    let began = clock::real_now();
    while clock::real_now() - began < GUARD_TIMEOUT {
        if let Some(mut guard) = DriverGuard::try_acquire() {
            return guard.state().server_exits(status);
        }
        let NanosleepRelativeResult::Ok = nanosleep(&GUARD_POLL_INTERVAL) else { continue };
    }
}
