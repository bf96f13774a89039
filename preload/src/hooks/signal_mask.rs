//! sigprocmask(2) and pthread_sigmask(3): a server whose raw system calls are trapped must not block SIGSYS, or the
//! kernel ends it with the next one. So the server only believes that it does.

use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use libc::{SIGSYS, c_int, sigset_t};

use crate::sys::real;

/// Whether SIGSYS is ours.
static SIGSYS_TAKEN: AtomicBool = AtomicBool::new(false);

pub(crate) unsafe fn sigprocmask(how: c_int, set: *const sigset_t, old: *mut sigset_t) -> c_int {
    // SAFETY: the server's own call.
    unsafe { with_mask(how, set, |set| real::sigprocmask(how, set, old)) }
}

pub(crate) unsafe fn pthread_sigmask(how: c_int, set: *const sigset_t, old: *mut sigset_t) -> c_int {
    // SAFETY: the server's own call.
    unsafe { with_mask(how, set, |set| real::pthread_sigmask(how, set, old)) }
}

/// Does `call` with a mask that leaves SIGSYS unblocked.
///
/// # Safety
/// `set` is null or points at a set.
unsafe fn with_mask(how: c_int, set: *const sigset_t, call: impl FnOnce(*const sigset_t) -> c_int) -> c_int {
    // SAFETY: given by the caller.
    let Some(mut own) = (unsafe { set.as_ref() }).copied().filter(|_| how != libc::SIG_UNBLOCK) else {
        return call(set);
    };
    let_sigsys_in(&mut own);
    call(&own)
}

/// The same for a set as the kernel takes it: one bit a signal, from 1.
pub(super) fn without_sigsys(how: c_int, set: u64) -> u64 {
    if how == libc::SIG_UNBLOCK || !is_sigsys_taken() { set } else { set & !(1 << (SIGSYS - 1)) }
}

/// Takes SIGSYS out of a set of signals to be blocked, if it is ours.
pub(super) fn let_sigsys_in(set: &mut sigset_t) {
    if is_sigsys_taken() {
        // SAFETY: a valid set.
        unsafe { libc::sigdelset(set, SIGSYS) };
    }
}

/// Whether SIGSYS is ours.
pub(super) fn is_sigsys_taken() -> bool {
    SIGSYS_TAKEN.load(SeqCst)
}

/// SIGSYS is ours from now on: nobody blocks it, and the calling thread no longer does.
pub(super) fn take_sigsys() {
    SIGSYS_TAKEN.store(true, SeqCst);
    // SAFETY: the set lives on this stack; sigemptyset(3) fills it.
    unsafe {
        let mut set = MaybeUninit::uninit();
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), SIGSYS);
        real::sigprocmask(libc::SIG_UNBLOCK, set.as_ptr(), ptr::null_mut());
    }
}
