//! sigaction(2) and rt_sigaction(2): every handler of the server's is called by a handler of the preload's. That one
//! defers the signal while its thread is in the middle of a hook, and records that a handler ran: a thread that plays
//! the client must return `EINTR` from the server's waiting call.
//!
//! For a server whose raw system calls are trapped, the handler of SIGSYS stays the preload's: a handler of the
//! server's could not perform these calls. The server's action is only recorded, and sigaction(2) reports it as
//! installed.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use libc::{SIGCHLD, SIGSYS, c_int, siginfo_t};

use super::{automatic_reaping, signal_mask};
use crate::blocking::interruption;
use crate::history::crash_site;
use crate::process::children;
use crate::sys::signal_guard::{self, SignalGuard};
use crate::sys::{config, errno, real, threads};

/// Type of a signal handler with three arguments (SA_SIGINFO).
pub(crate) type Handler = extern "C-unwind" fn(c_int, *mut siginfo_t, *mut c_void);

/// Signal numbers are below this.
pub(super) const SIGNAL_COUNT: usize = 65;

/// Signals that the server's own faults raise. They interrupt no call, and their handlers may inspect the context, so
/// they are installed directly.
const FAULTS: [c_int; 6] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP, libc::SIGABRT];

/// Action that the server has installed, by signal.
static WANTED: [AtomicU64; SIGNAL_COUNT] = [const { AtomicU64::new(0) }; SIGNAL_COUNT];

/// A handler and those of its flags that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wanted {
    handler: usize,
    flags: c_int,
}

impl Wanted {
    const FLAGS: [c_int; 3] = [libc::SA_SIGINFO, libc::SA_RESTART, libc::SA_RESETHAND];

    fn of(action: &libc::sigaction) -> Self {
        Self { handler: action.sa_sigaction, flags: action.sa_flags }
    }

    /// Stores the action of a valid signal. One word holds all of it, because the signal may arrive at any moment; the
    /// highest bits of an address in user space are zero.
    fn store(self, number: c_int) {
        let flags = Self::FLAGS.iter().enumerate();
        let flags = flags.map(|(bit, &flag)| u64::from(self.flags & flag != 0) << bit).sum::<u64>();
        WANTED[number as usize].store((self.handler as u64) << Self::FLAGS.len() | flags, SeqCst);
    }

    fn load(number: c_int) -> Self {
        let word = WANTED[number as usize].load(SeqCst);
        let flags = Self::FLAGS.iter().enumerate().filter(|(bit, _)| word >> bit & 1 != 0);
        // The shift extends the sign: libc accepts SIG_ERR as a handler in places.
        let handler = (word.cast_signed() >> Self::FLAGS.len()) as usize;
        Self { handler, flags: flags.map(|(_, flag)| flag).sum() }
    }

    fn has(self, flag: c_int) -> bool {
        self.flags & flag != 0
    }

    /// Calls the server's own handler.
    fn call(self, number: c_int, info: *mut siginfo_t, context: *mut c_void) {
        // SAFETY: the server has installed the address of a function of the type that SA_SIGINFO selects.
        unsafe {
            if self.has(libc::SA_SIGINFO) {
                std::mem::transmute::<usize, Handler>(self.handler)(number, info, context);
            } else {
                std::mem::transmute::<usize, extern "C-unwind" fn(c_int)>(self.handler)(number);
            }
        }
    }
}

/// Installs `handler` for SIGSYS, permanently.
pub(crate) fn take_sigsys(handler: Handler) -> Result<(), rustix::io::Errno> {
    // SAFETY: all zeroes are a valid action, which is on this stack, and `handler` is a valid signal handler.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as usize;
        // On the alternate stack, if there is one: the thread's own may be too small for a handler.
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART | libc::SA_ONSTACK;
        // The handler unblocks signals when it is ready for them.
        libc::sigfillset(&mut action.sa_mask);
        if real::sigaction(SIGSYS, &action, ptr::null_mut()) < 0 {
            return Err(errno::last());
        }
    }
    signal_mask::take_sigsys();
    Ok(())
}

/// Handles a SIGSYS that is not from the trap: takes the action that the server has installed.
pub(crate) fn pass_on(info: *mut siginfo_t, context: *mut c_void) {
    let wanted = Wanted::load(SIGSYS);
    match wanted.handler {
        libc::SIG_IGN => {}
        // SAFETY: signal(2) and raise(3) take a valid signal. (The default action ends the process.)
        libc::SIG_DFL => unsafe {
            real::signal(SIGSYS, libc::SIG_DFL);
            libc::raise(SIGSYS);
        },
        _ => wanted.call(SIGSYS, info, context),
    }
}

/// Signal handler that is installed in place of every handler of the server's.
extern "C-unwind" fn handle(number: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: this is the signal's handler, and these are the arguments that the kernel passed.
    if unsafe { signal_guard::defer(number, info, context) } {
        return;
    }
    threads::end_sleep();
    // SAFETY: `info` is the kernel's description of the signal, which for SIGCHLD has a process id.
    if number == SIGCHLD && children::is_orphans_end(unsafe { (*info).si_pid() }) {
        return interruption::record(true);
    }
    let wanted = Wanted::load(number);
    if wanted.has(libc::SA_RESETHAND) {
        reset(number, wanted);
    }
    wanted.call(number, info, context);
    interruption::record(wanted.has(libc::SA_RESTART));
}

/// Installs the default action of a signal with the same flags and mask, as SA_RESETHAND does. (The kernel itself would
/// also do it for a signal that is then deferred.)
fn reset(number: c_int, wanted: Wanted) {
    // SAFETY: all zeroes are a valid action, which is on this stack; the other pointers are null.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        real::sigaction(number, ptr::null(), &mut action);
        action.sa_sigaction = libc::SIG_DFL;
        action.sa_flags = action.sa_flags & !libc::SA_SIGINFO | wanted.flags;
        real::sigaction(number, &action, ptr::null_mut());
    }
}

pub(crate) unsafe fn sigaction(
    number: c_int,
    action: *const libc::sigaction,
    old: *mut libc::sigaction,
) -> c_int {
    // SAFETY: the caller upholds the contract of sigaction(2); the arguments are unchanged.
    unsafe { exchange(number, action, old, real::sigaction) }
}

/// Performs sigaction(2) by `install`: libc's function, or an equivalent one.
///
/// # Safety
/// The contract of sigaction(2).
pub(super) unsafe fn exchange(
    number: c_int,
    action: *const libc::sigaction,
    old: *mut libc::sigaction,
    install: unsafe fn(c_int, *const libc::sigaction, *mut libc::sigaction) -> c_int,
) -> c_int {
    if config::get().is_none() || !(1..SIGNAL_COUNT as c_int).contains(&number) {
        // SAFETY: the caller upholds the contract of sigaction(2), which `install` has, too.
        return unsafe { install(number, action, old) };
    }
    // A handler that calls this function sees either the old state or the new one.
    let _signals = SignalGuard::enter();
    let before = Wanted::load(number);
    // SAFETY: the pointers are null or valid by the contract of sigaction(2), and `own` is on this stack.
    unsafe {
        if number == SIGSYS && signal_mask::is_sigsys_taken() {
            if let Some(action) = action.as_ref() {
                Wanted::of(action).store(number);
            }
            if let Some(old) = old.as_mut() {
                *old = std::mem::zeroed();
                (old.sa_sigaction, old.sa_flags) = (before.handler, before.flags);
            }
            return 0;
        }
        let mut own = action.as_ref().copied();
        if let Some(own) = &mut own {
            signal_mask::let_sigsys_in(&mut own.sa_mask);
            if number == SIGCHLD {
                automatic_reaping::prevent(own);
            }
            let is_handler = !matches!(own.sa_sigaction, libc::SIG_DFL | libc::SIG_IGN);
            if is_handler && !FAULTS.contains(&number) {
                // Stored before the call, because another thread may receive the signal at once.
                Wanted::of(own).store(number);
                own.sa_sigaction = handle as Handler as usize;
                own.sa_flags = own.sa_flags & !libc::SA_RESETHAND | libc::SA_SIGINFO;
            }
        }
        let result = install(number, own.as_ref().map_or(ptr::null(), ptr::from_ref), old);
        if result < 0 {
            before.store(number);
        } else if let Some(old) = old.as_mut()
            && old.sa_sigaction == handle as Handler as usize
        {
            old.sa_sigaction = before.handler;
            old.sa_flags = old.sa_flags & !libc::SA_SIGINFO | before.flags;
        }
        old.as_mut().into_iter().for_each(|old| crash_site::hide(number, old));
        if result == 0 && number == SIGCHLD {
            automatic_reaping::show(action.as_ref(), old.as_mut());
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_holds_a_handler_and_its_flags() {
        let highest_address = (1 << 57) - 1;
        for flags in [0, libc::SA_SIGINFO, libc::SA_RESTART | libc::SA_RESETHAND] {
            let wanted = Wanted { handler: highest_address, flags };
            wanted.store(SIGSYS);
            assert_eq!(Wanted::load(SIGSYS), wanted);
        }
    }
}
