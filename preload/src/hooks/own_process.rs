//! Calls that set the limits, priority or processors of a process, its own or another's. The sandbox allows them only
//! for the number 0, which means the caller; so the hooks replace the caller's own number by 0.

use libc::{c_int, cpu_set_t, id_t, pid_t, pthread_t, rlimit, sched_param, size_t};

use crate::sys::{errno, real};

/// Replaces the calling thread's number by 0.
fn thread_or_other(number: pid_t) -> pid_t {
    if number == rustix::thread::gettid().as_raw_pid() { 0 } else { number }
}

/// Replaces the calling process's number by 0.
fn process_or_other(number: pid_t) -> pid_t {
    if number == rustix::process::getpid().as_raw_pid() { 0 } else { number }
}

/// setpriority(2): with `PRIO_PROCESS`, `who` is a thread ("C library/kernel differences").
pub(crate) unsafe fn setpriority(which: libc::__priority_which_t, who: id_t, priority: c_int) -> c_int {
    let who = match which {
        libc::PRIO_PROCESS => thread_or_other(who.cast_signed()).cast_unsigned(),
        _ => who,
    };
    // SAFETY: the caller upholds the contract of setpriority(2), in which 0 and the caller's number are equivalent.
    unsafe { real::setpriority(which, who, priority) }
}

pub(crate) unsafe fn prlimit(
    process: pid_t,
    resource: libc::__rlimit_resource_t,
    new: *const rlimit,
    old: *mut rlimit,
) -> c_int {
    // SAFETY: the caller upholds the contract of prlimit(2), in which 0 and the caller's number are equivalent.
    unsafe { real::prlimit(process_or_other(process), resource, new, old) }
}

pub(crate) unsafe fn sched_setaffinity(thread: pid_t, size: size_t, set: *const cpu_set_t) -> c_int {
    // SAFETY: the caller upholds the contract of sched_setaffinity(2); 0 and the caller's number are equivalent.
    unsafe { real::sched_setaffinity(thread_or_other(thread), size, set) }
}

pub(crate) unsafe fn sched_setscheduler(
    thread: pid_t,
    policy: c_int,
    parameter: *const sched_param,
) -> c_int {
    // SAFETY: the caller upholds the contract of sched_setscheduler(2); 0 and the caller's number are equivalent.
    unsafe { real::sched_setscheduler(thread_or_other(thread), policy, parameter) }
}

pub(crate) unsafe fn sched_setparam(thread: pid_t, parameter: *const sched_param) -> c_int {
    // SAFETY: the caller upholds the contract of sched_setparam(2); 0 and the caller's number are equivalent.
    unsafe { real::sched_setparam(thread_or_other(thread), parameter) }
}

pub(crate) unsafe fn pthread_setaffinity_np(thread: pthread_t, size: size_t, set: *const cpu_set_t) -> c_int {
    // SAFETY: the caller upholds the contract of pthread_setaffinity_np(3); sched_setaffinity(2) has the same for
    // `set`.
    unsafe {
        match is_caller(thread) {
            true => error_number(|| real::sched_setaffinity(0, size, set)),
            false => real::pthread_setaffinity_np(thread, size, set),
        }
    }
}

pub(crate) unsafe fn pthread_setschedparam(
    thread: pthread_t,
    policy: c_int,
    parameter: *const sched_param,
) -> c_int {
    // SAFETY: the caller upholds the contract of pthread_setschedparam(3); sched_setscheduler(2) has the same for
    // `parameter`.
    unsafe {
        match is_caller(thread) {
            true => error_number(|| real::sched_setscheduler(0, policy, parameter)),
            false => real::pthread_setschedparam(thread, policy, parameter),
        }
    }
}

fn is_caller(thread: pthread_t) -> bool {
    // SAFETY: pthread_self(3) has no precondition.
    thread == unsafe { libc::pthread_self() }
}

/// Performs `call` and returns its error number or 0, with `errno` unchanged, as pthread functions do.
fn error_number(call: impl FnOnce() -> c_int) -> c_int {
    errno::untouched(|| if call() == 0 { 0 } else { errno::last().raw_os_error() })
}
