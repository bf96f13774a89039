//! Real functions: libc's, or those of another library that interposes the same names after this one.

use std::ffi::{CStr, c_void};
use std::sync::atomic::{AtomicBool, Ordering};

use libc::{
    __priority_which_t, __rlimit_resource_t, FILE, aiocb, c_char, c_int, c_long, c_uint, c_ulong, clockid_t,
    cpu_set_t, dev_t, epoll_event, fd_set, gid_t, id_t, idtype_t, iovec, key_t, loff_t, mmsghdr, mode_t,
    mqd_t, msghdr, nfds_t, off_t, off64_t, pid_t, pollfd, pthread_attr_t, pthread_cond_t, pthread_mutex_t,
    pthread_t, rlimit, rusage, sched_param, sem_t, sigevent, sighandler_t, siginfo_t, sigset_t, size_t,
    sockaddr, socklen_t, ssize_t, time_t, timer_t, timespec, timeval, uid_t,
};

use super::next_symbol::NextSymbol;
use crate::table::{interposed_functions, interposed_functions_and_paths};

/// Type of a thread's first function.
pub(crate) type ThreadStart = extern "C" fn(*mut c_void) -> *mut c_void;

/// Defines the real function of every row. (Some are unused, because the hooks of aliases call only one of them.)
macro_rules! define_real {
    ($(fn $name:ident($($arg:ident: $type:ty),* $(,)?) -> $result:ty => $handler:path;)*) => {
        /// Addresses of the real functions.
        #[allow(non_upper_case_globals)]
        mod symbols {
            use super::{CStr, NextSymbol};

            $(
                pub(super) static $name: NextSymbol = NextSymbol::new(
                    match CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                        Ok(name) => name,
                        Err(_) => panic!("a Rust identifier has no NUL"),
                    },
                );
            )*

            pub(super) static ALL: &[&NextSymbol] = &[$(&$name),*];
        }

        $(
            /// Calls the real function.
            ///
            /// # Safety
            /// That of the libc function.
            #[allow(dead_code, non_snake_case)]
            pub(crate) unsafe fn $name($($arg: $type),*) -> $result {
                // SAFETY: the symbol has this type in libc, and the caller keeps the function's contract.
                unsafe {
                    let real: unsafe extern "C-unwind" fn($($type),*) -> $result =
                        std::mem::transmute::<*mut c_void, _>(symbols::$name.address());
                    real($($arg),*)
                }
            }
        )*
    };
}

interposed_functions!(define_real);

/// Looks up all of them, before the server's `main`. Later, a signal handler may call any function while its thread
/// uses the heap, which the loader uses, too.
pub(crate) fn resolve() {
    symbols::ALL.iter().for_each(|symbol| symbol.resolve());
    RESOLVED.store(true, Ordering::Release);
}

/// Whether they have been looked up. Before that, a call may come from an allocator that holds its lock, and dlsym(3) uses the
/// heap.
pub(crate) fn are_resolved() -> bool {
    RESOLVED.load(Ordering::Acquire)
}

static RESOLVED: AtomicBool = AtomicBool::new(false);
