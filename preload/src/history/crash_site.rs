//! Crash site: which instruction ended a process, and which calls led there. The process itself records it in memory that
//! it shares with the forkserver, in a signal handler in front of the server's own handler or of the default action.
//! Afterwards the signal arrives there, in its first form.

use std::cell::UnsafeCell;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicUsize, Ordering::SeqCst};

use libc::{c_int, c_void, siginfo_t, ucontext_t};
use syscalls::{Sysno, syscall};

use super::modules::{self, CodeSegment};
use crate::process::ending;
use crate::source_coverage;
use crate::sys::real;

/// Number of addresses that identify a site: enough for those of a Rust panic, whose innermost ones are the same in all.
const ADDRESSES: usize = 16;

/// Number of frames of the stack that are searched for calls.
const MAX_FRAMES: usize = 64;

/// Results of a callback of the unwinder (unwind.h: _URC_NO_REASON, _URC_NORMAL_STOP).
const GO_ON: c_int = 0;
const STOP: c_int = 4;

unsafe extern "C-unwind" {
    fn _Unwind_Backtrace(
        each: extern "C-unwind" fn(*mut c_void, *mut c_void) -> c_int,
        argument: *mut c_void,
    ) -> c_int;
    fn _Unwind_GetIP(frame: *mut c_void) -> usize;
}

/// Addresses of one crash, in shared memory.
#[derive(Debug)]
pub(crate) struct CrashSite([AtomicUsize; ADDRESSES]);

impl CrashSite {
    /// Forgets the addresses, before a process starts.
    pub(crate) fn clear(&self) {
        self.0.iter().for_each(|address| address.store(0, SeqCst));
    }

    fn is_clear(&self) -> bool {
        self.0[0].load(SeqCst) == 0
    }

    /// Returns the address of the instruction, then those of calls, the innermost first; 0 where there is none.
    pub(super) fn addresses(&self) -> [usize; ADDRESSES] {
        std::array::from_fn(|index| self.0[index].load(SeqCst))
    }

    /// Records the server's calls that led to this one.
    fn record_calls(&self) {
        let mut search = CallSearch { places: self.0[1..].iter(), frames: 0 };
        // SAFETY: the callback has the required type, and casts the argument to the type that is passed here.
        unsafe { _Unwind_Backtrace(add_call, (&raw mut search).cast()) };
    }
}

/// Actions that the handler stands in front of, in the order of [`ending::CRASH_SIGNALS`].
static BEHIND: Actions = Actions(UnsafeCell::new([None; ending::CRASH_SIGNALS.len()]));

struct Actions(UnsafeCell<[Option<libc::sigaction>; ending::CRASH_SIGNALS.len()]>);

// SAFETY: `install` changes the actions, once, before the server can crash; afterwards they are only read.
unsafe impl Sync for Actions {}

impl Actions {
    /// Returns the action behind the handler of a signal.
    fn of(&self, signal: c_int) -> Option<libc::sigaction> {
        let index = ending::CRASH_SIGNALS.iter().position(|&other| other == signal)?;
        // SAFETY: nothing changes the actions any more.
        unsafe { (*self.0.get())[index] }
    }
}

/// Site of this process; null if it is not watched.
static SITE: AtomicPtr<CrashSite> = AtomicPtr::new(ptr::null_mut());

/// Code of the server, in which calls are searched for.
static SEGMENTS: OnceLock<Vec<CodeSegment>> = OnceLock::new();

/// Makes crashes of this process, and of those that it forks, leave their addresses in `site`.
pub(super) fn watch(site: &'static CrashSite) {
    let _ = SEGMENTS.set(modules::segments().into_iter().filter(|segment| segment.is_servers).collect());
    SITE.store(ptr::from_ref(site).cast_mut(), SeqCst);
    install();
}

/// Installs the handler, once, after the server has installed its own. Without a site, it only saves the source coverage.
pub(crate) fn install() {
    static IS_INSTALLED: AtomicBool = AtomicBool::new(false);
    if IS_INSTALLED.swap(true, SeqCst) {
        return;
    }
    // SIGSYS may be the preload's own: it redirects system calls.
    let signals = ending::CRASH_SIGNALS.into_iter().enumerate().filter(|(_, signal)| *signal != libc::SIGSYS);
    for (index, signal) in signals {
        // SAFETY: all zeroes are a valid action, both are on this stack, and `handle` is a valid handler. Nothing reads
        // the actions yet.
        unsafe {
            let (mut own, mut before): (libc::sigaction, libc::sigaction) = std::mem::zeroed();
            own.sa_sigaction = handler();
            own.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            let is_known = real::sigaction(signal, ptr::null(), &mut before) == 0;
            if is_known && before.sa_sigaction != libc::SIG_IGN {
                (*BEHIND.0.get())[index] = Some(before);
                real::sigaction(signal, &own, ptr::null_mut());
            }
        }
    }
}

/// Forgets a crash that the server has survived, at the start of an iteration.
pub(super) fn begin_iteration() {
    // SAFETY: the pointer is null or that of a site, in memory that is never unmapped.
    if let Some(site) = unsafe { SITE.load(SeqCst).as_ref() }.filter(|site| !site.is_clear()) {
        site.clear();
    }
}

/// Shows the server its own action of a signal where this module's handler stands in front of it.
pub(crate) fn hide(signal: c_int, shown: &mut libc::sigaction) {
    if shown.sa_sigaction == handler() {
        BEHIND.of(signal).into_iter().for_each(|behind| *shown = behind);
    }
}

fn handler() -> usize {
    handle as extern "C" fn(c_int, *mut siginfo_t, *mut c_void) as usize
}

/// The signal whose site this process records; 0 if it does not.
static RECORDING: AtomicI32 = AtomicI32::new(0);

extern "C" fn handle(number: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let interrupted = RECORDING.load(SeqCst);
    if interrupted != 0 {
        // The unwinder has met a damaged stack. The first signal ends the process.
        pass_on(interrupted);
    }
    source_coverage::save();
    // SAFETY: the pointer is null or that of a site, in memory that is never unmapped.
    if let Some(site) = unsafe { SITE.load(SeqCst).as_ref() }.filter(|site| site.is_clear()) {
        // SAFETY: the third argument of a handler is its context.
        let instruction = unsafe { program_counter(&*context.cast::<ucontext_t>()) };
        site.0[0].store(instruction.max(1), SeqCst);
        RECORDING.store(number, SeqCst);
        if !is_servers(instruction) {
            site.record_calls();
        }
        RECORDING.store(0, SeqCst);
    }
    // SAFETY: the kernel has filled in `info`.
    let is_fault = unsafe { (*info).si_code } > 0 && number != libc::SIGTRAP;
    if is_fault {
        // It occurs again when this handler returns.
        restore(number);
    } else {
        pass_on(number);
    }
}

/// Installs the action behind the handler.
fn restore(signal: c_int) {
    if let Some(behind) = BEHIND.of(signal) {
        // SAFETY: the action was that of the signal before.
        unsafe { real::sigaction(signal, &behind, ptr::null_mut()) };
    }
}

/// Sends a signal to the action behind the handler.
fn pass_on(signal: c_int) {
    restore(signal);
    let (process, thread) = (rustix::process::getpid(), rustix::thread::gettid());
    // SAFETY: the set is on this stack, and the numbers are those of this thread and of a signal.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigaddset(&mut set, signal);
        let _ = syscall!(Sysno::tgkill, process.as_raw_pid(), thread.as_raw_pid(), signal);
        real::pthread_sigmask(libc::SIG_UNBLOCK, &set, ptr::null_mut());
    }
}

/// Whether an address is in the server's code.
fn is_servers(address: usize) -> bool {
    SEGMENTS.get().is_some_and(|segments| segments.iter().any(|segment| segment.addresses.contains(&address)))
}

/// Search for calls in the frames of the stack.
struct CallSearch<'a> {
    places: std::slice::Iter<'a, AtomicUsize>,
    frames: usize,
}

extern "C-unwind" fn add_call(frame: *mut c_void, search: *mut c_void) -> c_int {
    // SAFETY: `record_calls` passes its search, and the unwinder a valid frame.
    let (search, address) = unsafe { (&mut *search.cast::<CallSearch<'_>>(), _Unwind_GetIP(frame)) };
    search.frames += 1;
    if search.frames > MAX_FRAMES {
        return STOP;
    }
    if is_servers(address) {
        let Some(place) = search.places.next() else { return STOP };
        place.store(address, SeqCst);
    }
    GO_ON
}

#[cfg(target_arch = "x86_64")]
fn program_counter(context: &ucontext_t) -> usize {
    context.uc_mcontext.gregs[libc::REG_RIP as usize] as usize
}

#[cfg(target_arch = "aarch64")]
fn program_counter(context: &ucontext_t) -> usize {
    context.uc_mcontext.pc as usize
}
