//! sigprocmask(2) and pthread_sigmask(3): a server whose raw system calls are trapped must not block SIGSYS, or the
//! kernel kills it at the next such call. So the hooks leave SIGSYS out of every mask to be blocked.

use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use libc::{SIGSYS, c_int, sigset_t};

use crate::sys::real;

/// Whether the system call trap has taken SIGSYS.
static SIGSYS_TAKEN: AtomicBool = AtomicBool::new(false);

pub(crate) unsafe fn sigprocmask(how: c_int, set: *const sigset_t, old: *mut sigset_t) -> c_int {
    // SAFETY: the caller upholds the contract of sigprocmask(2), so `set` is null or points at a set.
    unsafe { with_mask(how, set, |set| real::sigprocmask(how, set, old)) }
}

pub(crate) unsafe fn pthread_sigmask(how: c_int, set: *const sigset_t, old: *mut sigset_t) -> c_int {
    // SAFETY: the caller upholds the contract of pthread_sigmask(3), so `set` is null or points at a set.
    unsafe { with_mask(how, set, |set| real::pthread_sigmask(how, set, old)) }
}

/// Performs `call` with a mask that does not block SIGSYS.
///
/// # Safety
/// `set` is null or points at a set.
unsafe fn with_mask(how: c_int, set: *const sigset_t, call: impl FnOnce(*const sigset_t) -> c_int) -> c_int {
    // SAFETY: `set` is null or points at a set, by this function's contract.
    let Some(mut own) = (unsafe { set.as_ref() }).copied().filter(|_| how != libc::SIG_UNBLOCK) else {
        return call(set);
    };
    let_sigsys_in(&mut own);
    call(&own)
}

/// Takes SIGSYS out of a set to be blocked, like [`let_sigsys_in`], in the kernel's form: one bit per signal, from 1.
pub(super) fn without_sigsys(how: c_int, set: u64) -> u64 {
    if how == libc::SIG_UNBLOCK || !is_sigsys_taken() { set } else { set & !(1 << (SIGSYS - 1)) }
}

/// Takes SIGSYS out of a set of signals to be blocked, if the trap has taken it.
pub(super) fn let_sigsys_in(set: &mut sigset_t) {
    if is_sigsys_taken() {
        // SAFETY: `set` is a valid set.
        unsafe { libc::sigdelset(set, SIGSYS) };
    }
}

/// Whether the system call trap has taken SIGSYS.
pub(super) fn is_sigsys_taken() -> bool {
    SIGSYS_TAKEN.load(SeqCst)
}

/// Records that the system call trap has taken SIGSYS, which no call blocks from now on, and unblocks it in the calling
/// thread.
pub(super) fn take_sigsys() {
    SIGSYS_TAKEN.store(true, SeqCst);
    // SAFETY: the set is on this stack, and sigemptyset(3) initialises it.
    unsafe {
        let mut set = MaybeUninit::uninit();
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), SIGSYS);
        real::sigprocmask(libc::SIG_UNBLOCK, set.as_ptr(), ptr::null_mut());
    }
}
