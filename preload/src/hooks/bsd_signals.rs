//! The older names of sigaction(2): signal(2), siginterrupt(3), sysv_signal(3), sigset(3).

use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use libc::{c_int, sighandler_t, sigset_t};
use rustix::io::Errno;

use super::signal::{SIGNAL_COUNT, sigaction};
use super::signal_mask::sigprocmask;
use crate::sys::errno;

/// <signal.h>: the "action" by which sigset(3) blocks a signal.
const SIG_HOLD: sighandler_t = 2;

/// Signals that interrupt the calls of [`signal`]'s handlers (siginterrupt(3)), one bit each.
static INTERRUPTING: AtomicU64 = AtomicU64::new(0);

/// As libc has it: the handler stays, and calls that it interrupts go on, unless siginterrupt(3) says otherwise.
pub(crate) unsafe fn signal(number: c_int, handler: sighandler_t) -> sighandler_t {
    let Some(bit) = bit(number).filter(|_| handler != libc::SIG_ERR) else { return invalid() };
    let flags = if INTERRUPTING.load(SeqCst) & bit == 0 { libc::SA_RESTART } else { 0 };
    // SAFETY: the server's own handler.
    unsafe { install(number, handler, flags, &only(number)) }
}

/// System V's: the handler is called once, and by a second signal while it runs.
pub(crate) unsafe fn sysv_signal(number: c_int, handler: sighandler_t) -> sighandler_t {
    if handler == libc::SIG_ERR {
        return invalid();
    }
    // SAFETY: the server's own handler.
    unsafe { install(number, handler, libc::SA_RESETHAND | libc::SA_NODEFER, &empty()) }
}

pub(crate) unsafe fn siginterrupt(number: c_int, interrupt: c_int) -> c_int {
    let Some(bit) = bit(number) else { return errno::fail(Errno::INVAL) };
    // SAFETY: both actions live on this stack.
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
    // SAFETY: sets and actions live on this stack; the handler is the server's own.
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
    // SAFETY: to ignore a signal is an action.
    match unsafe { install(number, libc::SIG_IGN, 0, &empty()) } {
        libc::SIG_ERR => -1,
        _ => 0,
    }
}

/// Returns the action before.
///
/// # Safety
/// `handler` is an action, or the address of a function.
unsafe fn install(number: c_int, handler: sighandler_t, flags: c_int, mask: &sigset_t) -> sighandler_t {
    // SAFETY: all zeroes is an action.
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

/// The action of a signal.
fn current(number: c_int) -> sighandler_t {
    // SAFETY: room for the action.
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

/// A valid signal's bit.
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
    // SAFETY: a valid set; a number that is none leaves it as it is.
    unsafe { libc::sigaddset(&mut set, number) };
    set
}
