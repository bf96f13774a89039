//! Processes that the server creates, their ids, AFL++'s shared memory, and the start of an unwinding.

use std::ptr;

use libc::{c_char, c_int, c_void, pid_t};

use super::thread_creation::around_thread_creation;
use crate::afl::forkserver::runtime_loop;
use crate::afl::shm_segments;
use crate::process::{daemon, identity, panics};
use crate::sys::{errno, real, relocation};
use crate::{afl_loop, fork};

/// clone(2) is variadic; its arguments are passed like these.
pub(crate) unsafe fn clone(
    start: *mut c_void,
    stack: *mut c_void,
    flags: c_int,
    argument: *mut c_void,
    parent: *mut pid_t,
    storage: *mut c_void,
    child: *mut pid_t,
) -> c_int {
    if flags & libc::CLONE_THREAD != 0 {
        // SAFETY: the caller upholds the contract of clone(2); the arguments are unchanged.
        return around_thread_creation(|| unsafe {
            real::clone(start, stack, flags, argument, parent, storage, child)
        });
    }
    if let Err(error) = fork::before_servers_fork() {
        return errno::fail(error);
    }
    // SAFETY: the caller upholds the contract of clone(2): `start` is a function of this type. A child with its own
    // memory has a copy of `first`, and starts as after a fork.
    let created = unsafe {
        if flags & libc::CLONE_VM != 0 || start.is_null() {
            real::clone(start, stack, flags, argument, parent, storage, child)
        } else {
            let first: extern "C" fn(*mut c_void) -> c_int = std::mem::transmute(start);
            let mut first = (first, argument);
            let begin = begin_cloned as extern "C" fn(*mut c_void) -> c_int as *mut c_void;
            real::clone(begin, stack, flags, (&raw mut first).cast(), parent, storage, child)
        }
    };
    fork::in_servers_parent(created);
    created
}

extern "C" fn begin_cloned(first: *mut c_void) -> c_int {
    fork::in_servers_child();
    // SAFETY: `first` points at the pair that `clone` has passed.
    let (first, argument) = unsafe { *first.cast::<(extern "C" fn(*mut c_void) -> c_int, *mut c_void)>() };
    first(argument)
}

pub(crate) unsafe fn posix_spawn(
    child: *mut pid_t,
    path: *const c_char,
    actions: *const c_void,
    attributes: *const c_void,
    arguments: *const *mut c_char,
    environment: *const *mut c_char,
) -> c_int {
    // SAFETY: the caller upholds the contract of posix_spawn(3); the place for the child's id and the place of the
    // program may be others.
    note_spawned(child, |child| unsafe {
        relocation::follow_with_number(path, |path| {
            real::posix_spawn(child, path, actions, attributes, arguments, environment)
        })
    })
}

pub(crate) unsafe fn posix_spawnp(
    child: *mut pid_t,
    file: *const c_char,
    actions: *const c_void,
    attributes: *const c_void,
    arguments: *const *mut c_char,
    environment: *const *mut c_char,
) -> c_int {
    // SAFETY: the caller upholds the contract of posix_spawnp(3); the place for the child's id and the place of the
    // program may be others.
    note_spawned(child, |child| unsafe {
        relocation::follow_with_number(file, |file| {
            real::posix_spawnp(child, file, actions, attributes, arguments, environment)
        })
    })
}

/// Performs `spawn`, which stores the child's id even if the server passes null for it.
fn note_spawned(wanted: *mut pid_t, spawn: impl FnOnce(*mut pid_t) -> c_int) -> c_int {
    if let Err(error) = fork::before_servers_fork() {
        return error.raw_os_error();
    }
    let mut child = 0;
    let failed = spawn(&mut child);
    if failed == 0 {
        fork::in_servers_parent(child);
        // SAFETY: `wanted` is null or writable, by the contract of posix_spawn(3).
        if let Some(wanted) = unsafe { ptr::NonNull::new(wanted).map(|mut wanted| wanted.as_mut()) } {
            *wanted = child;
        }
    }
    failed
}

/// fork(2), and vfork(2) as POSIX allows: a wrapper around the real vfork would share its stack frame
/// with the child.
pub(crate) unsafe fn fork() -> pid_t {
    if afl_loop::is_starting() {
        return runtime_loop::fork();
    }
    if let Err(error) = fork::before_servers_fork() {
        return errno::fail(error);
    }
    // SAFETY: the caller upholds the contract of fork(2).
    let child = unsafe { real::fork() };
    // Both processes use the kernel's time from now on.
    fork::share_kernel_time();
    match child {
        0 => fork::in_servers_child(),
        _ => fork::in_servers_parent(child),
    }
    child
}

pub(crate) unsafe fn getpid() -> pid_t {
    identity::shown_pid(Some(rustix::process::getpid()))
}

pub(crate) unsafe fn getppid() -> pid_t {
    identity::shown_pid(rustix::process::getppid())
}

pub(crate) unsafe fn kill(process: pid_t, signal: c_int) -> c_int {
    // SAFETY: kill(2) takes numbers and has no precondition.
    unsafe { real::kill(identity::actual_pid(process), signal) }
}

pub(crate) unsafe fn daemon(stay_here: c_int, keep_open: c_int) -> c_int {
    // SAFETY: these are the calls of daemon(3), by hooks where there are any; pointers are literals or on this stack.
    unsafe {
        let mask = daemon::hold_signals();
        let child = fork();
        if child > 0 {
            super::exit::exit_at_once(0);
        }
        libc::sigprocmask(libc::SIG_SETMASK, &mask, ptr::null_mut());
        if child < 0 {
            return -1;
        }
        if libc::setsid() < 0 {
            return -1;
        }
        if stay_here == 0 && libc::chdir(c"/".as_ptr()) < 0 {
            return -1;
        }
        if keep_open == 0 {
            let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
            if null < 0 {
                return -1;
            }
            (0..=2).for_each(|standard| {
                super::descriptor::dup2(null, standard);
            });
            if null > 2 {
                super::descriptor::close(null);
            }
        }
    }
    0
}

pub(crate) unsafe fn shmat(number: c_int, wanted: *const c_void, flags: c_int) -> *mut c_void {
    match shm_segments::with_number(number) {
        Some(segment) if wanted.is_null() => segment.address(),
        // SAFETY: only AFL++'s runtime has this number. It attaches the segment before it uses the memory, at an
        // address that it has kept free.
        Some(segment) if unsafe { segment.move_to(wanted.cast_mut()) } => segment.address(),
        // SAFETY: the caller upholds the contract of shmat(2); the arguments are unchanged.
        _ => unsafe { real::shmat(number, wanted, flags) },
    }
}

/// shmdt(2), which keeps AFL++'s memory attached: after the sandbox is entered, it could not be attached again.
pub(crate) unsafe fn shmdt(address: *const c_void) -> c_int {
    if shm_segments::is_at(address) {
        return 0;
    }
    // SAFETY: the caller upholds the contract of shmdt(2); the argument is unchanged.
    unsafe { real::shmdt(address) }
}

pub(crate) unsafe fn raise_exception(exception: *mut c_void) -> c_int {
    // SAFETY: `exception` points at an `_Unwind_Exception`, by the contract of `_Unwind_RaiseException`.
    unsafe { panics::inspect(exception) };
    // SAFETY: the caller upholds the contract of `_Unwind_RaiseException`; the argument is unchanged.
    unsafe { real::_Unwind_RaiseException(exception) }
}
