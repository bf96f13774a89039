//! Crash site: which instruction ended a process, and which calls led there. The process itself records it in memory that
//! it shares with the forkserver, in a signal handler in front of the server's own handler or of the default action.
//! Afterwards the signal arrives there, in its first form.

use std::cell::UnsafeCell;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering::SeqCst};

use libc::{c_int, c_void, siginfo_t, ucontext_t};
use syscalls::{Sysno, syscall};

use super::crash_stack;
use super::modules::{self, CodeSegment};
use super::registers;
use super::unwinder::for_each_frame;
use crate::process::ending;
use crate::source_coverage;
use crate::sys::real;

/// Number of addresses that identify a site: enough for those of a Rust panic, whose innermost ones are the same in all.
const ADDRESSES: usize = 16;

/// Number of frames of the stack that are searched for calls.
const MAX_FRAMES: usize = 64;

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

    /// Records the address of the instruction, and if that is not the server's, the calls that led there.
    fn record(&self, instruction: usize) {
        self.0[0].store(instruction.max(1), SeqCst);
        if !is_servers(instruction) {
            self.record_calls();
        }
    }

    /// Records the server's calls that led to this one.
    fn record_calls(&self) {
        let mut places = self.0[1..].iter();
        let mut frames = 0;
        for_each_frame(|address| {
            frames += 1;
            if is_servers(address) {
                let Some(place) = places.next() else { return false };
                place.store(address, SeqCst);
            }
            frames < MAX_FRAMES
        });
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
            // A fault of the unwinder reaches the handler, too, and not only the kernel, which would end the process.
            own.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
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

/// Recording of a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Recording {
    thread: i32,
    signal: c_int,
}

impl Recording {
    /// Begins this recording.
    ///
    /// # Errors
    /// Returns the one that is not over yet.
    fn begin(self) -> Result<(), Self> {
        let word = u64::from(self.thread.cast_unsigned()) << 32 | u64::from(self.signal.cast_unsigned());
        match RECORDING.compare_exchange(0, word, SeqCst, SeqCst) {
            Ok(_) => Ok(()),
            Err(other) => Err(Self { thread: (other >> 32) as i32, signal: other as u32 as c_int }),
        }
    }
}

/// Thread that records its crash, and the signal of that; 0 if none does.
static RECORDING: AtomicU64 = AtomicU64::new(0);

/// Number of times that a thread that crashes lets others run until one has recorded its own crash.
const MAX_YIELDS: usize = 10_000;

extern "C" fn handle(number: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let thread = rustix::thread::gettid().as_raw_pid();
    let own = Recording { thread, signal: number };
    let is_first = match own.begin() {
        Ok(()) => true,
        Err(Recording { thread: other, signal }) if other == thread => {
            // The unwinder has met a damaged stack. The first signal ends the process.
            crash_stack::finish();
            pass_on(signal);
            false
        }
        Err(_) => (0..MAX_YIELDS).any(|_| {
            rustix::thread::sched_yield();
            own.begin().is_ok()
        }),
    };
    source_coverage::save();
    // SAFETY: the kernel has filled in both, and nothing else refers to them.
    let (info, context) = unsafe { (&*info, &mut *context.cast::<ucontext_t>()) };
    if is_first {
        // SAFETY: the pointer is null or that of a site, in memory that is never unmapped.
        if let Some(site) = unsafe { SITE.load(SeqCst).as_ref() }.filter(|site| site.is_clear()) {
            site.record(registers::program_counter(context));
        }
        crash_stack::record(number, info, context);
        RECORDING.store(0, SeqCst);
    }
    let is_fault = info.si_code > 0 && number != libc::SIGTRAP;
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
