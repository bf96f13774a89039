//! Exported functions: one C function for each row of the table, which calls the row's hook.

use libc::{
    __priority_which_t, __rlimit_resource_t, FILE, aiocb, c_char, c_int, c_long, c_uint, c_ulong, c_void,
    clockid_t, cpu_set_t, dev_t, epoll_event, fd_set, gid_t, id_t, idtype_t, iovec, key_t, loff_t, mmsghdr,
    mode_t, mqd_t, msghdr, nfds_t, off_t, off64_t, pid_t, pollfd, pthread_attr_t, pthread_cond_t,
    pthread_mutex_t, pthread_t, rlimit, rusage, sched_param, sem_t, sigevent, sighandler_t, siginfo_t,
    sigset_t, size_t, sockaddr, socklen_t, ssize_t, time_t, timer_t, timespec, timeval, uid_t,
};

use super::files::{attributes, changes, glob, opening, places, programs, templates};
use super::{
    accept, bsd_signals, descriptor, epoll, exit, formatted, listen, names, own_process, paths, poll,
    process, pseudo_random, random, read, select, signal, signal_mask, socket_options, streams, syscall,
    thread_creation, time, timed_wait, transfer, wait, write,
};
use crate::sys::cancellation;
use crate::sys::real::ThreadStart;
use crate::table::{interposed_functions, interposed_functions_and_paths};

/// Defines the exported function of every row.
macro_rules! export {
    ($(fn $name:ident($($arg:ident: $type:ty),* $(,)?) -> $result:ty => $handler:path;)*) => {
        $(
            #[doc = concat!("Replaces libc's `", stringify!($name), "`.")]
            // Another name in unit tests leaves the tests' own libc calls alone.
            #[cfg_attr(not(test), unsafe(no_mangle))]
            #[cfg_attr(test, unsafe(export_name = concat!("under_test_", stringify!($name))))]
            #[allow(non_snake_case)]
            // "unwind": a C++ or Rust exception may unwind through this function.
            unsafe extern "C-unwind" fn $name($($arg: $type),*) -> $result {
                // SAFETY: the hook has the contract of the libc function, which the caller upholds.
                unsafe { $handler($($arg),*) }
            }
        )*
    };
}

interposed_functions!(export);
