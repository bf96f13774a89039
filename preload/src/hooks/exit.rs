//! Ends of server processes: exit(3) and a return from `main`, quick_exit(3), _exit(2).

use libc::{c_int, c_void};

use crate::process::{children, daemon, ending, relatives};
use crate::sys::{config, real};
use crate::{driver, source_coverage};

unsafe extern "C" {
    /// Variant of atexit(3) that passes the exit status to the handler (on_exit(3)).
    fn on_exit(handler: extern "C" fn(c_int, *mut c_void), argument: *mut c_void) -> c_int;
}

/// Registers the handler that runs last when the server calls exit(3) or returns from `main`.
pub(crate) fn watch() {
    extern "C" fn handler(status: c_int, _: *mut c_void) {
        let passed_on = prepare(status);
        if passed_on != status {
            // SAFETY: fflush(3) takes null for all streams; exit(3) itself makes both calls after its last handler.
            unsafe {
                libc::fflush(std::ptr::null_mut());
                real::_exit(passed_on);
            }
        }
    }
    // SAFETY: `handler` has the type that on_exit(3) expects, and lives as long as the process.
    unsafe { on_exit(handler, std::ptr::null_mut()) };
}

pub(crate) unsafe fn exit_at_once(status: c_int) {
    let status = prepare(status);
    // SAFETY: _exit(2) takes a number and has no precondition.
    unsafe { real::_exit(status) }
}

pub(crate) unsafe fn quick_exit(status: c_int) {
    let status = prepare(status);
    // SAFETY: the caller upholds the contract of quick_exit(3), with whichever status.
    unsafe { real::quick_exit(status) }
}

/// Prepares for the end of this process with `status`; returns the status to end with instead.
fn prepare(status: c_int) -> c_int {
    source_coverage::save_at_end();
    if children::any() {
        if config::is_single_run() {
            // In the loop, the forkserver waits, when this process has ended.
            relatives::await_dying_children();
        }
        // Children that are killed from here on become orphans, whose ends the driver process sees.
        children::check();
    }
    let status = daemon::exit_status(status);
    driver::server_exits(status);
    ending::exit_begins(status);
    status
}
