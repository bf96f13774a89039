//! sigaction(2) and sigprocmask(2), for a server whose raw system calls are trapped: the kernel
//! ends a thread that is trapped while it blocks SIGSYS, and a handler of the server's own would
//! not know what to do. So the server believes that it has the signal.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering::SeqCst};

use libc::{SIGSYS, c_int, sighandler_t, siginfo_t, sigset_t};

use crate::errno;
use crate::exports::real;

/// Type of our handler.
pub(crate) type Handler = extern "C" fn(c_int, *mut siginfo_t, *mut c_void);

static TAKEN: AtomicBool = AtomicBool::new(false);
/// What the server has asked for: handler and flags.
static WANTED: AtomicUsize = AtomicUsize::new(libc::SIG_DFL);
static FLAGS: AtomicI32 = AtomicI32::new(0);

/// Makes `handler` the one for SIGSYS, for good.
pub(crate) fn take_sigsys(handler: Handler) -> Result<(), rustix::io::Errno> {
    // SAFETY: the handler keeps the rules of signal handlers; sets and actions live on this stack.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as *const () as usize;
        // Not on an alternate stack: those are small, and a whole session is played in here. Nor
        // is the signal blocked meanwhile: a handler of the server's may make a raw call, too.
        action.sa_flags = libc::SA_SIGINFO | libc::SA_NODEFER | libc::SA_RESTART;
        if real::sigaction(SIGSYS, &action, ptr::null_mut()) < 0 {
            return Err(errno::last());
        }
        let mut set = empty();
        libc::sigaddset(&mut set, SIGSYS);
        real::sigprocmask(libc::SIG_UNBLOCK, &set, ptr::null_mut());
    }
    TAKEN.store(true, SeqCst);
    Ok(())
}

/// A SIGSYS that is not ours: does what the server has asked for.
pub(crate) fn pass_on(info: *mut siginfo_t, context: *mut c_void) {
    match WANTED.load(SeqCst) {
        libc::SIG_IGN => {}
        // SAFETY: the default action ends the process.
        libc::SIG_DFL => unsafe {
            real::signal(SIGSYS, libc::SIG_DFL);
            libc::raise(SIGSYS);
        },
        // SAFETY: the server gave the address of a function of one of these types.
        wanted => unsafe {
            if FLAGS.load(SeqCst) & libc::SA_SIGINFO != 0 {
                std::mem::transmute::<usize, Handler>(wanted)(SIGSYS, info, context);
            } else {
                std::mem::transmute::<usize, extern "C" fn(c_int)>(wanted)(SIGSYS);
            }
        },
    }
}

pub(crate) unsafe fn sigaction(
    number: c_int,
    action: *const libc::sigaction,
    old: *mut libc::sigaction,
) -> c_int {
    if !TAKEN.load(SeqCst) {
        // SAFETY: the server's own call.
        return unsafe { real::sigaction(number, action, old) };
    }
    // SAFETY: the server's own pointers.
    unsafe {
        if number != SIGSYS {
            let mut own = MaybeUninit::uninit();
            let action = action.as_ref().map_or(ptr::null(), |&action| {
                let own: &mut libc::sigaction = own.write(action);
                libc::sigdelset(&mut own.sa_mask, SIGSYS);
                ptr::from_ref(own)
            });
            return real::sigaction(number, action, old);
        }
        let before = (WANTED.load(SeqCst), FLAGS.load(SeqCst));
        if let Some(action) = action.as_ref() {
            FLAGS.store(action.sa_flags, SeqCst);
            WANTED.store(action.sa_sigaction, SeqCst);
        }
        if let Some(old) = old.as_mut() {
            *old = std::mem::zeroed();
            (old.sa_sigaction, old.sa_flags) = before;
        }
    }
    0
}

pub(crate) unsafe fn signal(number: c_int, handler: sighandler_t) -> sighandler_t {
    if number != SIGSYS || !TAKEN.load(SeqCst) {
        // SAFETY: the server's own call.
        return unsafe { real::signal(number, handler) };
    }
    FLAGS.store(libc::SA_RESTART, SeqCst);
    WANTED.swap(handler, SeqCst)
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
    if TAKEN.load(SeqCst) {
        // SAFETY: a set of our own.
        unsafe { libc::sigdelset(&mut own, SIGSYS) };
    }
    call(&own)
}

/// The same for a set as the kernel takes it: one bit a signal, from 1.
pub(super) fn without_sigsys(how: c_int, set: u64) -> u64 {
    if how == libc::SIG_UNBLOCK || !TAKEN.load(SeqCst) { set } else { set & !(1 << (SIGSYS - 1)) }
}

fn empty() -> sigset_t {
    // SAFETY: sigemptyset(3) fills the whole set.
    unsafe {
        let mut set = MaybeUninit::uninit();
        libc::sigemptyset(set.as_mut_ptr());
        set.assume_init()
    }
}
