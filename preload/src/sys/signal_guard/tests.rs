//! Deferred signals are not lost when the process forks.

use std::sync::atomic::AtomicI32;

use super::*;

static HANDLED: AtomicI32 = AtomicI32::new(0);

extern "C" fn handle(number: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: this is the signal's handler, and the arguments are the kernel's.
    if !unsafe { defer(number, info, context) } {
        HANDLED.fetch_add(1, SeqCst);
    }
}

#[test]
fn a_deferred_signal_is_handled_after_a_fork() {
    threads::record_creation();
    let guard = SignalGuard::enter();
    // SAFETY: the handler is async-signal-safe, all pointers are to this stack or null, and the child takes no lock.
    let status = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handle as extern "C" fn(c_int, *mut siginfo_t, *mut c_void) as usize;
        action.sa_flags = libc::SA_SIGINFO;
        assert_eq!(libc::sigaction(libc::SIGUSR2, &action, ptr::null_mut()), 0);
        libc::raise(libc::SIGUSR2);
        let taken = take_pending(&std::mem::zeroed());
        assert!(is_pending());
        assert_eq!(taken.iter().map(|info| info.si_signo).collect::<Vec<_>>(), [libc::SIGUSR2]);
        let child = libc::fork();
        if child == 0 {
            put_back(&taken);
            drop(guard);
            libc::_exit(HANDLED.load(SeqCst));
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(child, &mut status, 0), child);
        status
    };
    assert_eq!((libc::WIFEXITED(status), libc::WEXITSTATUS(status)), (true, 1));
    drop(guard);
    assert_eq!(HANDLED.load(SeqCst), 0, "it was taken");
}
