//! Processes that the server creates, and the start of an unwinding.

use std::ptr;

use libc::{c_char, c_int, c_void, pid_t};

use super::thread_creation::around_thread_creation;
use crate::afl::forkserver::runtime_loop;
use crate::afl::shm_segments;
use crate::process::{daemon, identity, panics};
use crate::sys::{errno, real};
use crate::{afl_loop, fork};

/// clone(2) is variadic; its arguments travel like these.
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
        // SAFETY: the server's own call.
        return around_thread_creation(|| unsafe {
            real::clone(start, stack, flags, argument, parent, storage, child)
        });
    }
    if let Err(error) = fork::before_servers_fork() {
        return errno::fail(error);
    }
    // SAFETY: the server's own call; a child with its own memory has a copy of `first` in it, and
    // begins like after a fork.
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
    // SAFETY: what `clone` has passed.
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
    // SAFETY: the server's own call.
    note_spawned(child, |child| unsafe {
        real::posix_spawn(child, path, actions, attributes, arguments, environment)
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
    // SAFETY: the server's own call.
    note_spawned(child, |child| unsafe {
        real::posix_spawnp(child, file, actions, attributes, arguments, environment)
    })
}

/// `spawn` stores the child's number, whether or not the server has a use for it.
fn note_spawned(wanted: *mut pid_t, spawn: impl FnOnce(*mut pid_t) -> c_int) -> c_int {
    if let Err(error) = fork::before_servers_fork() {
        return error.raw_os_error();
    }
    let mut child = 0;
    let failed = spawn(&mut child);
    if failed == 0 {
        fork::in_servers_parent(child);
        // SAFETY: the server's own pointer, or null.
        if let Some(wanted) = unsafe { ptr::NonNull::new(wanted).map(|mut wanted| wanted.as_mut()) } {
            *wanted = child;
        }
    }
    failed
}

/// fork(2), and vfork(2) as POSIX allows: a wrapper around the real one would give its stack frame to
/// the child.
pub(crate) unsafe fn fork() -> pid_t {
    if afl_loop::is_starting() {
        return runtime_loop::fork();
    }
    if let Err(error) = fork::before_servers_fork() {
        return errno::fail(error);
    }
    // SAFETY: the server's own call.
    let child = unsafe { real::fork() };
    // Two processes, one time: the kernel's.
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
    // SAFETY: the server's own call.
    unsafe { real::kill(identity::actual_pid(process), signal) }
}

pub(crate) unsafe fn daemon(stay_here: c_int, keep_open: c_int) -> c_int {
    // SAFETY: what daemon(3) does, with calls that are seen.
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
        // SAFETY: only the runtime knows the number, and it names an address that it has kept free, before it uses
        // the memory.
        Some(segment) if unsafe { segment.move_to(wanted.cast_mut()) } => segment.address(),
        // SAFETY: the server's own call.
        _ => unsafe { real::shmat(number, wanted, flags) },
    }
}

/// AFL++'s memory stays: once the sandbox is entered it could not be attached again.
pub(crate) unsafe fn shmdt(address: *const c_void) -> c_int {
    if shm_segments::is_at(address) {
        return 0;
    }
    // SAFETY: the server's own call.
    unsafe { real::shmdt(address) }
}

pub(crate) unsafe fn raise_exception(exception: *mut c_void) -> c_int {
    // SAFETY: the unwinder's own pointer.
    unsafe { panics::inspect(exception) };
    // SAFETY: the caller's own call.
    unsafe { real::_Unwind_RaiseException(exception) }
}
