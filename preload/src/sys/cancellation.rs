//! Cancellation (pthread_cancel(3)) of threads that wait in the preload, with the same effect as in libc.
//!
//! libc cancels a waiting thread in the handler of a signal of its own, in the middle of the wait. In the preload,
//! the signal only ends the wait. Then [`test()`] cancels the thread, when it holds no resources.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use libc::{c_int, clockid_t, pthread_t, siginfo_t};
use syscalls::{Sysno, syscall};

use super::kernel_action::{self, KernelAction};
use super::{real, signal_guard, threads};

/// Signal that glibc reserves for cancellation (nptl: SIGCANCEL).
const CANCEL_SIGNAL: c_int = 32;

/// <pthread.h>: PTHREAD_CANCEL_DISABLE.
const DISABLE: c_int = 1;

/// libc's handler of the signal; 0 before the first cancellation.
static LIBC_HANDLER: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C-unwind" {
    fn pthread_testcancel();
    fn pthread_setcancelstate(state: c_int, old: *mut c_int) -> c_int;
    fn pthread_getcpuclockid(thread: pthread_t, clock: *mut clockid_t) -> c_int;
}

/// Cancels the calling thread if a cancellation is pending. Must be called when the thread holds no resources
/// of the preload, because it may not return.
pub(crate) fn test() {
    if LIBC_HANDLER.load(SeqCst) != 0 {
        signal_guard::clear_interrupt();
        // SAFETY: this has no preconditions. A cancelled thread unwinds through this frame, which owns nothing.
        unsafe { pthread_testcancel() }
    }
}

/// Section in which the calling thread is not cancelled, although libc's calls in it are cancellation points.
pub(crate) struct Uncancelled(Option<c_int>);

impl Uncancelled {
    pub(crate) fn begin() -> Self {
        if threads::is_single() {
            return Self(None);
        }
        let mut before = 0;
        // SAFETY: `before` has room for the former state.
        unsafe { pthread_setcancelstate(DISABLE, &mut before) };
        Self(Some(before))
    }
}

impl Drop for Uncancelled {
    fn drop(&mut self) {
        if let Some(before) = self.0 {
            // SAFETY: this function has returned `before`; a null pointer for the old state is allowed.
            unsafe { pthread_setcancelstate(before, ptr::null_mut()) };
        }
    }
}

/// Cancels `thread`, and ends its wait if it waits in the preload.
///
/// # Safety
/// That of pthread_cancel(3).
pub(crate) unsafe fn cancel(thread: pthread_t) -> c_int {
    // SAFETY: the caller guarantees that `thread` is valid. `clock` is read only if it was filled in.
    unsafe {
        let mut clock = MaybeUninit::uninit();
        let has_clock = pthread_getcpuclockid(thread, clock.as_mut_ptr()) == 0;
        let result = real::pthread_cancel(thread);
        if result == 0 && has_clock && take_signal() {
            let process = rustix::process::getpid().as_raw_pid();
            // The kernel packs the thread's number into the number of its clock (linux/posix-timers.h).
            let id = !(clock.assume_init() >> 3);
            let _gone = syscall!(Sysno::tgkill, process, id, CANCEL_SIGNAL);
        }
        result
    }
}

/// Puts the preload's handler in front of libc's, which libc installs with its first cancellation. Returns whether
/// it is in place.
fn take_signal() -> bool {
    if LIBC_HANDLER.load(SeqCst) != 0 {
        return true;
    }
    let mut action = KernelAction::DEFAULT;
    let is_known = kernel_action::exchange(CANCEL_SIGNAL, None, Some(&mut action)).is_ok();
    if is_known && action.handler > libc::SIG_IGN {
        LIBC_HANDLER.store(action.handler, SeqCst);
        action.handler = handle as extern "C-unwind" fn(c_int, *mut siginfo_t, *mut c_void) as usize;
        return kernel_action::exchange(CANCEL_SIGNAL, Some(&action), None).is_ok();
    }
    false
}

extern "C-unwind" fn handle(number: c_int, info: *mut siginfo_t, context: *mut c_void) {
    signal_guard::interrupt();
    // SAFETY: the address is that of libc's handler, which has this type, and the arguments are the kernel's.
    unsafe {
        let libcs: extern "C-unwind" fn(c_int, *mut siginfo_t, *mut c_void) =
            std::mem::transmute(LIBC_HANDLER.load(SeqCst));
        libcs(number, info, context);
    }
}
