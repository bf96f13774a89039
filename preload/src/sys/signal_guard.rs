//! Critical sections that signal handlers of the server do not interrupt.
//!
//! A handler may call any hook, fork, or leave by siglongjmp(3). So none may run while its thread holds a lock of
//! the preload, the driver guard, or a place in a wait queue. A signal that arrives in such a section is sent to
//! the thread again, with all signals blocked until the section ends. Then the kernel delivers it with its own
//! information, mask and stack.

use std::cell::{Cell, UnsafeCell};
use std::mem::MaybeUninit;
use std::sync::atomic::{Ordering::SeqCst, compiler_fence};
use std::time::Duration;
use std::{iter, ptr};

use libc::{c_int, c_void, pollfd, siginfo_t, sigset_t, timespec, ucontext_t};
use rustix::io::Errno;
use syscalls::{Sysno, syscall};

use super::{errno, threads};

/// Size of the kernel's set of signals.
const SIGNAL_SET_BYTES: usize = size_of::<u64>();

/// Signals that are never blocked here: faults of the thread itself, and the two that libc reserves.
const NEVER_BLOCKED: u64 = bit(libc::SIGSEGV)
    | bit(libc::SIGBUS)
    | bit(libc::SIGILL)
    | bit(libc::SIGFPE)
    | bit(libc::SIGTRAP)
    | bit(libc::SIGSYS)
    | bit(libc::SIGABRT)
    | bit(32)
    | bit(33);

/// State that a thread shares with its signal handlers. It has neither a constructor nor a destructor at run time,
/// so a handler may use it.
struct ThreadState {
    /// Number of nested sections that the thread is in.
    depth: Cell<u32>,
    /// Signals that arrived in the current section, as the kernel's set.
    deferred: Cell<u64>,
    /// The thread's mask before the first of them.
    mask: Cell<u64>,
    /// Limit of the sleep that the thread is about to begin. A handler sets it to zero, because the kernel may read
    /// it only after the handler has run.
    sleep_limit: UnsafeCell<timespec>,
    /// Whether [`interrupt`] was called.
    interrupted: Cell<bool>,
}

impl ThreadState {
    const fn new() -> Self {
        Self {
            depth: Cell::new(0),
            deferred: Cell::new(0),
            mask: Cell::new(0),
            sleep_limit: UnsafeCell::new(AT_ONCE),
            interrupted: Cell::new(false),
        }
    }

    /// Returns the state of the calling thread.
    fn current() -> &'static Self {
        let state = if threads::is_single() {
            // Access to thread-local storage of a library costs a call.
            &raw const ONLY_THREAD.0
        } else {
            THREAD.with(ptr::from_ref)
        };
        // SAFETY: the state lives as long as the thread, and no other thread gets a reference to it.
        unsafe { &*state }
    }

    fn set_sleep_limit(&self, limit: timespec) {
        // SAFETY: the pointer is valid; only this thread and its handlers use it, and nothing keeps a reference.
        unsafe { self.sleep_limit.get().write_volatile(limit) }
        compiler_fence(SeqCst);
    }

    /// Unblocks the deferred signals. Their handlers run within this call, and may not return to it.
    fn deliver(&self) {
        let deferred = self.deferred.replace(0);
        let mask = self.mask.get();
        // Keeps the `errno` of a hook: after a real system call, libc sets it when all handlers have run.
        errno::untouched(|| {
            set_mask(mask & !deferred);
            if mask & deferred != 0 {
                set_mask(mask);
            }
        });
    }
}

thread_local! {
    static THREAD: ThreadState = const { ThreadState::new() };
}

/// State of the only thread, while the process has just one.
static ONLY_THREAD: OnlyThread = OnlyThread(ThreadState::new());

struct OnlyThread(ThreadState);

// SAFETY: `ThreadState::current` returns it only while the process has one thread.
unsafe impl Sync for OnlyThread {}

/// Critical section of the calling thread. Sections nest; signals are delivered when the outermost ends.
pub(crate) struct SignalGuard(&'static ThreadState);

impl SignalGuard {
    pub(crate) fn enter() -> Self {
        let thread = ThreadState::current();
        thread.depth.set(thread.depth.get() + 1);
        compiler_fence(SeqCst);
        Self(thread)
    }
}

impl Drop for SignalGuard {
    fn drop(&mut self) {
        compiler_fence(SeqCst);
        self.0.depth.set(self.0.depth.get() - 1);
        compiler_fence(SeqCst);
        if self.0.depth.get() == 0 && self.0.deferred.get() != 0 {
            self.0.deliver();
        }
    }
}

/// Whether a deferred signal or an [`interrupt`] is pending in the current section. Then a wait has to end.
pub(crate) fn is_pending() -> bool {
    let thread = ThreadState::current();
    thread.deferred.get() != 0 || thread.interrupted.get()
}

/// Defers a signal that has arrived in a critical section; `false` outside of one.
///
/// # Safety
/// Must be called by the handler of the signal `number`, with the arguments that the kernel has passed to it.
pub(crate) unsafe fn defer(number: c_int, info: *mut siginfo_t, context: *mut c_void) -> bool {
    let thread = ThreadState::current();
    if thread.depth.get() == 0 {
        return false;
    }
    // Must precede the queueing, after which the signal could arrive again at once (SA_NODEFER).
    set_mask(!NEVER_BLOCKED);
    // SAFETY: the kernel has filled in `info` for this signal.
    unsafe { queue(number, info) };
    // SAFETY: the third argument of a handler is its context, whose mask the kernel restores when the handler
    // returns; the kernel's set is the first word of libc's.
    let restored = unsafe { &mut *(&raw mut (*context.cast::<ucontext_t>()).uc_sigmask).cast::<u64>() };
    if thread.deferred.get() == 0 {
        thread.mask.set(*restored);
    }
    *restored |= !NEVER_BLOCKED;
    thread.deferred.set(thread.deferred.get() | bit(number));
    thread.set_sleep_limit(AT_ONCE);
    true
}

/// Sends a signal to the calling thread.
///
/// # Safety
/// `info` is a valid description of it.
unsafe fn queue(number: c_int, info: *const siginfo_t) {
    let (process, id) = (rustix::process::getpid(), rustix::thread::gettid());
    // SAFETY: the caller guarantees that `info` is valid; a process may queue any signal to itself.
    let _queued =
        unsafe { syscall!(Sysno::rt_tgsigqueueinfo, process.as_raw_pid(), id.as_raw_pid(), number, info) };
}

/// Takes the pending signals that the server does not block, including the deferred ones, because a fork would lose
/// them. Must be called with every signal blocked; `mask` is the former mask.
pub(crate) fn take_pending(mask: &sigset_t) -> Vec<siginfo_t> {
    let thread = ThreadState::current();
    let servers_mask = match thread.deferred.get() {
        // SAFETY: `mask` is initialised, and its first word is the kernel's set.
        0 => unsafe { ptr::from_ref(mask).cast::<u64>().read() },
        _ => thread.mask.get(),
    };
    let wanted = !servers_mask & !NEVER_BLOCKED;
    let next = || {
        let mut info = MaybeUninit::<siginfo_t>::zeroed();
        // SAFETY: the set, its size and the limit are valid, and `info` has room for what the kernel writes.
        let taken = unsafe {
            let (limit, set) = (AT_ONCE, &raw const wanted);
            syscall!(Sysno::rt_sigtimedwait, set, info.as_mut_ptr(), &raw const limit, SIGNAL_SET_BYTES)
        };
        // SAFETY: all zeroes is a valid `siginfo_t`, and so is what the kernel has written.
        taken.ok().map(|_| unsafe { info.assume_init() })
    };
    iter::from_fn(next).collect()
}

/// Makes signals pending again that [`take_pending`] took before the fork, in the parent.
pub(crate) fn put_back(signals: &[siginfo_t]) {
    for info in signals {
        // SAFETY: the kernel has filled in `info`.
        unsafe { queue(info.si_signo, info) };
    }
}

/// Ends the wait of the calling thread, or its next one. For the preload's own signal handlers.
pub(super) fn interrupt() {
    let thread = ThreadState::current();
    thread.interrupted.set(true);
    thread.set_sleep_limit(AT_ONCE);
}

/// Clears an [`interrupt`], so that the next wait may block.
pub(super) fn clear_interrupt() {
    ThreadState::current().interrupted.set(false);
}

/// Waits by ppoll(2), without libc, for at most `limit`. A `mask` that is not null replaces the signal mask during the
/// wait. Returns the number of ready descriptors, or 0 if [`is_pending`].
///
/// # Errors
/// Those of ppoll(2).
///
/// # Safety
/// `mask` is null or points at a set of signals.
pub(crate) unsafe fn sleep(
    fds: &mut [pollfd],
    limit: Option<Duration>,
    mask: *const sigset_t,
) -> Result<usize, Errno> {
    let thread = ThreadState::current();
    thread.set_sleep_limit(to_timespec(limit));
    if is_pending() {
        return Ok(0);
    }
    // SAFETY: the array and the limit are valid; the caller guarantees that the mask is null or a set of signals.
    let result = unsafe {
        syscall!(Sysno::ppoll, fds.as_mut_ptr(), fds.len(), thread.sleep_limit.get(), mask, SIGNAL_SET_BYTES)
    };
    result.map_err(|error| Errno::from_raw_os_error(error.into_raw()))
}

const AT_ONCE: timespec = timespec { tv_sec: 0, tv_nsec: 0 };

/// Converts a limit for ppoll(2); `None` becomes the longest one.
fn to_timespec(limit: Option<Duration>) -> timespec {
    let limit = limit.unwrap_or(Duration::MAX);
    timespec {
        tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: limit.subsec_nanos().into(),
    }
}

/// Blocks these signals and no others.
fn set_mask(mask: u64) {
    // SAFETY: the mask lives on this stack and has the size that is passed; a null pointer for the old one is allowed.
    let _cannot_fail = unsafe {
        syscall!(
            Sysno::rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const mask,
            ptr::null_mut::<u64>(),
            SIGNAL_SET_BYTES
        )
    };
}

/// Returns the bit of a signal in the kernel's set.
const fn bit(signal: c_int) -> u64 {
    1 << (signal - 1)
}

#[cfg(test)]
mod tests;
