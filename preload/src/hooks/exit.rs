//! The end of a process of the server's: exit(3) and a return from `main`, quick_exit(3), _exit(2).

use libc::{c_int, c_void};

use crate::driver;
use crate::process::{children, daemon, ending};
use crate::sys::real;

unsafe extern "C" {
    /// atexit(3) with the exit status (on_exit(3)).
    fn on_exit(handler: extern "C" fn(c_int, *mut c_void), argument: *mut c_void) -> c_int;
}

/// Comes last when the server calls exit(3) or returns from `main`.
pub(crate) fn watch() {
    extern "C" fn handler(status: c_int, _: *mut c_void) {
        let passed_on = prepare(status);
        if passed_on != status {
            // SAFETY: only what exit(3) would do after its last handler.
            unsafe {
                libc::fflush(std::ptr::null_mut());
                real::_exit(passed_on);
            }
        }
    }
    // SAFETY: registers a function that lives as long as the process.
    unsafe { on_exit(handler, std::ptr::null_mut()) };
}

pub(crate) unsafe fn exit_at_once(status: c_int) {
    let status = prepare(status);
    // SAFETY: the server's own call.
    unsafe { real::_exit(status) }
}

pub(crate) unsafe fn quick_exit(status: c_int) {
    let status = prepare(status);
    // SAFETY: the server's own call.
    unsafe { real::quick_exit(status) }
}

/// Does what is to be done before this process ends with `status`; the status to end with instead.
fn prepare(status: c_int) -> c_int {
    if children::any() {
        // What they are killed by from here on is seen by the driver process, which they go to.
        children::check();
    }
    let status = daemon::exit_status(status);
    driver::server_exits(status);
    ending::exit_begins(status);
    status
}
