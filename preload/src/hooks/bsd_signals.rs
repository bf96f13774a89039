//! Older interfaces to sigaction(2): signal(2), siginterrupt(3), sysv_signal(3), sigset(3).

use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use libc::{c_int, sighandler_t, sigset_t};
use rustix::io::Errno;

use super::signal::{SIGNAL_COUNT, sigaction};
use super::signal_mask::sigprocmask;
use crate::sys::errno;

/// "Action" by which sigset(3) blocks a signal (<signal.h>).
const SIG_HOLD: sighandler_t = 2;

/// Signals whose handlers, when installed by [`signal`], interrupt calls (siginterrupt(3)); one bit each.
static INTERRUPTING: AtomicU64 = AtomicU64::new(0);

/// signal(2) as in libc: the handler stays installed, and interrupted calls restart, unless siginterrupt(3) has changed
/// that.
pub(crate) unsafe fn signal(number: c_int, handler: sighandler_t) -> sighandler_t {
    let Some(bit) = bit(number).filter(|_| handler != libc::SIG_ERR) else { return invalid() };
    let flags = if INTERRUPTING.load(SeqCst) & bit == 0 { libc::SA_RESTART } else { 0 };
    // SAFETY: `handler` is an action or the address of a function, by the contract of signal(2).
    unsafe { install(number, handler, flags, &only(number)) }
}

/// sysv_signal(3): the handler is reset when it is called, and its signal is not blocked while it runs.
pub(crate) unsafe fn sysv_signal(number: c_int, handler: sighandler_t) -> sighandler_t {
    if handler == libc::SIG_ERR {
        return invalid();
    }
    // SAFETY: `handler` is an action or the address of a function, by the contract of sysv_signal(3).
    unsafe { install(number, handler, libc::SA_RESETHAND | libc::SA_NODEFER, &empty()) }
}

pub(crate) unsafe fn siginterrupt(number: c_int, interrupt: c_int) -> c_int {
    let Some(bit) = bit(number) else { return errno::fail(Errno::INVAL) };
    // SAFETY: all zeroes are a valid action, which is on this stack; the other pointers are null.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        if sigaction(number, ptr::null(), &mut action) < 0 {
            return -1;
        }
        if interrupt == 0 {
            INTERRUPTING.fetch_and(!bit, SeqCst);
            action.sa_flags |= libc::SA_RESTART;
        } else {
            INTERRUPTING.fetch_or(bit, SeqCst);
            action.sa_flags &= !libc::SA_RESTART;
        }
        sigaction(number, &action, ptr::null_mut())
    }
}

pub(crate) unsafe fn sigset(number: c_int, handler: sighandler_t) -> sighandler_t {
    let mut before = empty();
    // SAFETY: `before` is on this stack, and `handler` is an action or the address of a function, by the contract of
    // sigset(3).
    unsafe {
        let how = if handler == SIG_HOLD { libc::SIG_BLOCK } else { libc::SIG_UNBLOCK };
        let replaced =
            if handler == SIG_HOLD { current(number) } else { install(number, handler, 0, &empty()) };
        if replaced == libc::SIG_ERR || sigprocmask(how, &only(number), &mut before) < 0 {
            return libc::SIG_ERR;
        }
        if libc::sigismember(&before, number) == 1 { SIG_HOLD } else { replaced }
    }
}

pub(crate) unsafe fn sigignore(number: c_int) -> c_int {
    // SAFETY: SIG_IGN is an action.
    match unsafe { install(number, libc::SIG_IGN, 0, &empty()) } {
        libc::SIG_ERR => -1,
        _ => 0,
    }
}

/// Installs an action and returns the previous one.
///
/// # Safety
/// `handler` is an action, or the address of a function.
unsafe fn install(number: c_int, handler: sighandler_t, flags: c_int, mask: &sigset_t) -> sighandler_t {
    // SAFETY: all zeroes are a valid action; both are on this stack. `handler` is valid by this function's contract.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        let mut old = action;
        (action.sa_sigaction, action.sa_flags, action.sa_mask) = (handler, flags, *mask);
        match sigaction(number, &action, &mut old) {
            0 => old.sa_sigaction,
            _ => libc::SIG_ERR,
        }
    }
}

/// Returns the action of a signal.
fn current(number: c_int) -> sighandler_t {
    // SAFETY: all zeroes are a valid action, which is on this stack; the other pointer is null.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        match sigaction(number, ptr::null(), &mut action) {
            0 => action.sa_sigaction,
            _ => libc::SIG_ERR,
        }
    }
}

fn invalid() -> sighandler_t {
    errno::fail(Errno::INVAL);
    libc::SIG_ERR
}

/// Bit of a signal; `None` for an invalid number.
fn bit(number: c_int) -> Option<u64> {
    (1..SIGNAL_COUNT as c_int).contains(&number).then(|| 1 << (number - 1))
}

fn empty() -> sigset_t {
    // SAFETY: sigemptyset(3) fills the whole set.
    unsafe {
        let mut set = MaybeUninit::uninit();
        libc::sigemptyset(set.as_mut_ptr());
        set.assume_init()
    }
}

fn only(number: c_int) -> sigset_t {
    let mut set = empty();
    // SAFETY: `set` is a valid set, which an invalid number leaves unchanged.
    unsafe { libc::sigaddset(&mut set, number) };
    set
}
