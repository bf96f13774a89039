//! pthread_create(3), fork(2), and the start of an unwinding.

use libc::{c_int, c_void, pid_t, pthread_attr_t, pthread_t};

use crate::exports::real;
use crate::setup::{self, Pace};
use crate::{afl, children, idle, listener, panics};

/// Type of a thread's first function.
pub(crate) type Start = extern "C" fn(*mut c_void) -> *mut c_void;

pub(crate) unsafe fn pthread_create(
    thread: *mut pthread_t,
    attributes: *const pthread_attr_t,
    start: Start,
    argument: *mut c_void,
) -> c_int {
    if setup::get().is_some_and(|setup| setup.pace == Pace::Loop) {
        // A forked child has one thread: the one that is about to create the second.
        afl::start_forkserver();
    }
    idle::note_thread_creation();
    // SAFETY: the server's own call.
    let result = unsafe { real::pthread_create(thread, attributes, start, argument) };
    idle::note_thread_creation();
    result
}

pub(crate) unsafe fn fork() -> pid_t {
    // SAFETY: the server's own call.
    let child = unsafe { real::fork() };
    if afl::is_starting() {
        return child;
    }
    match child {
        0 => {
            idle::after_fork();
            listener::after_fork();
            children::after_fork();
        }
        1.. if setup::get().is_some() => {
            children::add(child);
            // Like a thread: somebody else who may be at work.
            idle::note_thread_creation();
        }
        _ => {}
    }
    child
}

pub(crate) unsafe fn raise_exception(exception: *mut c_void) -> c_int {
    // SAFETY: the unwinder's own pointer.
    unsafe { panics::inspect(exception) };
    // SAFETY: the caller's own call.
    unsafe { real::_Unwind_RaiseException(exception) }
}
