//! sigaction(2): a handler of the server's that runs while its thread plays the client is to interrupt
//! the call that the server believes to wait in. So every handler is called by one of ours, which
//! notes that it ran.
//!
//! sigprocmask(2), and SIGSYS, for a server whose raw system calls are trapped: the kernel ends a
//! thread that is trapped while it blocks SIGSYS, and a handler of the server's own would not know
//! what to do. So the server believes that it has the signal.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering::SeqCst};

use libc::{SIGSYS, c_int, sighandler_t, siginfo_t, sigset_t};

use crate::blocking::interruption;
use crate::sys::{config, errno, real};

/// Type of our handler.
pub(crate) type Handler = extern "C-unwind" fn(c_int, *mut siginfo_t, *mut c_void);

/// Signals have numbers below this.
const SIGNAL_COUNT: usize = 65;

/// What faults of the server's own raise. They interrupt no call, and whoever handles them looks
/// closely.
const FAULTS: [c_int; 6] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP, libc::SIGABRT];

static SIGSYS_TAKEN: AtomicBool = AtomicBool::new(false);
/// What the server has asked for, by signal: handler and flags.
static WANTED: [AtomicUsize; SIGNAL_COUNT] = [const { AtomicUsize::new(libc::SIG_DFL) }; SIGNAL_COUNT];
static FLAGS: [AtomicI32; SIGNAL_COUNT] = [const { AtomicI32::new(0) }; SIGNAL_COUNT];

/// Makes `handler` the one for SIGSYS, for good.
pub(crate) fn take_sigsys(handler: Handler) -> Result<(), rustix::io::Errno> {
    // SAFETY: the handler keeps the rules of signal handlers; sets and actions live on this stack.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as usize;
        // On the alternate stack, if there is one: the thread's own may be too small for a handler.
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART | libc::SA_ONSTACK;
        // The handler lets signals in when it is ready for them.
        libc::sigfillset(&mut action.sa_mask);
        if real::sigaction(SIGSYS, &action, ptr::null_mut()) < 0 {
            return Err(errno::last());
        }
        let mut set = empty();
        libc::sigaddset(&mut set, SIGSYS);
        real::sigprocmask(libc::SIG_UNBLOCK, &set, ptr::null_mut());
    }
    SIGSYS_TAKEN.store(true, SeqCst);
    Ok(())
}

/// A SIGSYS that is not ours: does what the server has asked for.
pub(crate) fn pass_on(info: *mut siginfo_t, context: *mut c_void) {
    match wanted(SIGSYS).0 {
        libc::SIG_IGN => {}
        // SAFETY: the default action ends the process.
        libc::SIG_DFL => unsafe {
            real::signal(SIGSYS, libc::SIG_DFL);
            libc::raise(SIGSYS);
        },
        _ => call_handler(SIGSYS, info, context),
    }
}

/// Calls the server's own handler.
fn call_handler(number: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let (handler, flags) = wanted(number);
    // SAFETY: the server gave the address of a function of one of these types.
    unsafe {
        if flags & libc::SA_SIGINFO != 0 {
            std::mem::transmute::<usize, Handler>(handler)(number, info, context);
        } else {
            std::mem::transmute::<usize, extern "C-unwind" fn(c_int)>(handler)(number);
        }
    }
}

/// Stands for every handler of the server's.
extern "C-unwind" fn handle(number: c_int, info: *mut siginfo_t, context: *mut c_void) {
    call_handler(number, info, context);
    interruption::record(wanted(number).1 & libc::SA_RESTART != 0);
}

/// Handler and flags that the server has asked for.
fn wanted(number: c_int) -> (usize, c_int) {
    let index = number.unsigned_abs() as usize;
    (WANTED[index].load(SeqCst), FLAGS[index].load(SeqCst))
}

fn want(number: c_int, action: &libc::sigaction) {
    let index = number.unsigned_abs() as usize;
    FLAGS[index].store(action.sa_flags, SeqCst);
    WANTED[index].store(action.sa_sigaction, SeqCst);
}

pub(crate) unsafe fn sigaction(
    number: c_int,
    action: *const libc::sigaction,
    old: *mut libc::sigaction,
) -> c_int {
    let trapped = SIGSYS_TAKEN.load(SeqCst);
    if config::get().is_none() || !(1..SIGNAL_COUNT as c_int).contains(&number) {
        // SAFETY: the server's own call.
        return unsafe { real::sigaction(number, action, old) };
    }
    let before = wanted(number);
    // SAFETY: the server's own pointers.
    unsafe {
        if number == SIGSYS && trapped {
            if let Some(action) = action.as_ref() {
                want(number, action);
            }
            if let Some(old) = old.as_mut() {
                *old = std::mem::zeroed();
                (old.sa_sigaction, old.sa_flags) = before;
            }
            return 0;
        }
        let mut own = action.as_ref().copied();
        if let Some(own) = &mut own {
            if trapped {
                libc::sigdelset(&mut own.sa_mask, SIGSYS);
            }
            let is_handler = !matches!(own.sa_sigaction, libc::SIG_DFL | libc::SIG_IGN);
            if is_handler && !FAULTS.contains(&number) {
                // First: the signal may come at once.
                want(number, own);
                own.sa_sigaction = handle as Handler as usize;
                own.sa_flags |= libc::SA_SIGINFO;
            }
        }
        let result = real::sigaction(number, own.as_ref().map_or(ptr::null(), ptr::from_ref), old);
        if result == 0
            && let Some(old) = old.as_mut()
            && old.sa_sigaction == handle as Handler as usize
        {
            old.sa_sigaction = before.0;
            old.sa_flags = old.sa_flags & !libc::SA_SIGINFO | before.1 & libc::SA_SIGINFO;
        }
        result
    }
}

/// As libc has it: the handler stays, and calls that it interrupts go on (signal(2)).
pub(crate) unsafe fn signal(number: c_int, handler: sighandler_t) -> sighandler_t {
    // SAFETY: both are actions of our own; all zeroes is one.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        let mut old = action;
        action.sa_sigaction = handler;
        action.sa_flags = libc::SA_RESTART;
        libc::sigaddset(&mut action.sa_mask, number);
        match sigaction(number, &action, &mut old) {
            0 => old.sa_sigaction,
            _ => libc::SIG_ERR,
        }
    }
}

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
    if SIGSYS_TAKEN.load(SeqCst) {
        // SAFETY: a set of our own.
        unsafe { libc::sigdelset(&mut own, SIGSYS) };
    }
    call(&own)
}

/// The same for a set as the kernel takes it: one bit a signal, from 1.
pub(super) fn without_sigsys(how: c_int, set: u64) -> u64 {
    if how == libc::SIG_UNBLOCK || !SIGSYS_TAKEN.load(SeqCst) { set } else { set & !(1 << (SIGSYS - 1)) }
}

fn empty() -> sigset_t {
    // SAFETY: sigemptyset(3) fills the whole set.
    unsafe {
        let mut set = MaybeUninit::uninit();
        libc::sigemptyset(set.as_mut_ptr());
        set.assume_init()
    }
}
