//! Threads that the server creates: its own, and those that libc creates for it.

use std::mem::ManuallyDrop;

use libc::{aiocb, c_int, c_long, c_void, clockid_t, mqd_t, pthread_attr_t, pthread_t, sigevent, timer_t};

use crate::afl_loop;
use crate::determinism::scheduling;
use crate::history::crash_stack;
use crate::history::signal_stack::SignalStack;
use crate::process::helper;
use crate::sys::real::ThreadStart;
use crate::sys::{config, fd_table, real, threads};

pub(crate) unsafe fn pthread_create(
    thread: *mut pthread_t,
    attributes: *const pthread_attr_t,
    start: ThreadStart,
    argument: *mut c_void,
) -> c_int {
    let create = |start, argument| {
        // SAFETY: the caller upholds the contract of pthread_create(3). The first function calls that of the caller.
        around_thread_creation(|| unsafe { real::pthread_create(thread, attributes, start, argument) })
    };
    with_signal_stack(start, argument, create)
}

/// thrd_create(3), C11's variant. (glibc's function does not call `pthread_create`.)
pub(crate) unsafe fn thrd_create(thread: *mut pthread_t, start: ThreadStart, argument: *mut c_void) -> c_int {
    let create = |start, argument| {
        // SAFETY: the caller upholds the contract of thrd_create(3). The first function calls that of the caller.
        around_thread_creation(|| unsafe { real::thrd_create(thread, start, argument) })
    };
    with_signal_stack(start, argument, create)
}

/// First function of a thread, and its argument.
struct FirstCall {
    start: ThreadStart,
    argument: *mut c_void,
}

/// Performs `create` with these arguments. If the stacks of crashes are wanted, the thread gets an alternate stack for
/// signals before it begins.
fn with_signal_stack(
    start: ThreadStart,
    argument: *mut c_void,
    create: impl FnOnce(ThreadStart, *mut c_void) -> c_int,
) -> c_int {
    // Cancellation and pthread_exit(3) unwind this function. It has nothing to drop then, and the stack stays.
    extern "C-unwind" fn begin(first: *mut c_void) -> *mut c_void {
        // SAFETY: the argument is the box below, which is this thread's now.
        let FirstCall { start, argument } = *unsafe { Box::from_raw(first.cast::<FirstCall>()) };
        let stack = ManuallyDrop::new(SignalStack::install());
        // SAFETY: the types differ only in that the function may be unwound.
        let start = unsafe { std::mem::transmute::<ThreadStart, UnwoundStart>(start) };
        let result = start(argument);
        ManuallyDrop::into_inner(stack).into_iter().for_each(SignalStack::remove);
        result
    }
    type UnwoundStart = extern "C-unwind" fn(*mut c_void) -> *mut c_void;
    if !crash_stack::is_wanted() {
        return create(start, argument);
    }
    let first = Box::into_raw(Box::new(FirstCall { start, argument }));
    // SAFETY: the types differ only in that the function may be unwound, which libc's functions allow.
    let result = create(unsafe { std::mem::transmute::<UnwoundStart, ThreadStart>(begin) }, first.cast());
    if result != 0 {
        // SAFETY: there is no thread, so the box is still this function's.
        drop(unsafe { Box::from_raw(first) });
    }
    result
}

/// Performs `create`, which creates a thread.
pub(super) fn around_thread_creation<R>(create: impl FnOnce() -> R) -> R {
    fd_table::release_reserved_from(0);
    if config::is_loop() && !helper::is_this_process() {
        // A forked child has only the calling thread, so the forkserver starts before the second one exists.
        afl_loop::start();
        scheduling::use_batch_policy();
    }
    threads::record_creation();
    let result = create();
    threads::record_creation();
    result
}

/// Performs `create`, which makes libc create threads, now or at any later time.
fn around_unseen_creation<R>(create: impl FnOnce() -> R) -> R {
    threads::expect_unseen();
    around_thread_creation(create)
}

/// # Safety
/// `event` is null or valid.
unsafe fn notifies_by_thread(event: *const sigevent) -> bool {
    // SAFETY: `event` is null or valid, by this function's contract.
    unsafe { event.as_ref() }.is_some_and(|event| event.sigev_notify == libc::SIGEV_THREAD)
}

pub(crate) unsafe fn timer_create(clock: clockid_t, event: *mut sigevent, timer: *mut timer_t) -> c_int {
    // SAFETY: the caller upholds the contract of timer_create(2), so `event` is null or valid.
    unsafe {
        let create = || real::timer_create(clock, event, timer);
        if notifies_by_thread(event) { around_unseen_creation(create) } else { create() }
    }
}

pub(crate) unsafe fn mq_notify(queue: mqd_t, event: *const sigevent) -> c_int {
    // SAFETY: the caller upholds the contract of mq_notify(3), so `event` is null or valid.
    unsafe {
        let request = || real::mq_notify(queue, event);
        if notifies_by_thread(event) { around_unseen_creation(request) } else { request() }
    }
}

pub(crate) unsafe fn aio_read(block: *mut aiocb) -> c_int {
    // SAFETY: the caller upholds the contract of aio_read(3); the argument is unchanged.
    around_unseen_creation(|| unsafe { real::aio_read(block) })
}

pub(crate) unsafe fn aio_write(block: *mut aiocb) -> c_int {
    // SAFETY: the caller upholds the contract of aio_write(3); the argument is unchanged.
    around_unseen_creation(|| unsafe { real::aio_write(block) })
}

pub(crate) unsafe fn aio_fsync(operation: c_int, block: *mut aiocb) -> c_int {
    // SAFETY: the caller upholds the contract of aio_fsync(3); the arguments are unchanged.
    around_unseen_creation(|| unsafe { real::aio_fsync(operation, block) })
}

pub(crate) unsafe fn lio_listio(
    mode: c_int,
    blocks: *const *mut aiocb,
    count: c_int,
    event: *mut sigevent,
) -> c_int {
    // SAFETY: the caller upholds the contract of lio_listio(3); the arguments are unchanged.
    around_unseen_creation(|| unsafe { real::lio_listio(mode, blocks, count, event) })
}

pub(crate) unsafe fn getaddrinfo_a(
    mode: c_int,
    requests: *mut *mut c_void,
    count: c_int,
    event: *mut sigevent,
) -> c_int {
    // SAFETY: the caller upholds the contract of getaddrinfo_a(3); the arguments are unchanged.
    around_unseen_creation(|| unsafe { real::getaddrinfo_a(mode, requests, count, event) })
}

/// Prepares for a clone(2) or clone3(2) by number, whose child does not return through these functions.
///
/// # Safety
/// The arguments are those of the system call.
pub(super) unsafe fn before_raw_clone(number: c_long, first_argument: usize) {
    let flags = match number {
        libc::SYS_clone => first_argument as u64,
        // SAFETY: the argument of clone3(2) is null or points at a `struct clone_args`, which begins with the flags.
        libc::SYS_clone3 => unsafe { (first_argument as *const u64).as_ref() }.copied().unwrap_or(0),
        _ => return,
    };
    if flags & libc::CLONE_THREAD as u64 != 0 {
        around_unseen_creation(|| ());
    }
}
