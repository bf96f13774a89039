//! Crash site: which instruction ended a process, and which calls led there. The process itself records it in memory that
//! it shares with the forkserver, in a signal handler in front of the server's own handler or of the default action.
//! Afterwards the signal arrives there, in its first form.

use std::cell::UnsafeCell;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::SeqCst};

use libc::{c_int, c_void, siginfo_t, ucontext_t};
use syscalls::{Sysno, syscall};

use super::modules::{self, CodeSegment};
use crate::process::ending;
use crate::sys::{real, user_memory};

/// Number of addresses that identify a site.
const ADDRESSES: usize = 8;

/// Words of the stack that are searched for addresses of calls.
const STACK_WORDS: usize = 2048;

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
}

/// Actions that the handler stands in front of, in the order of [`ending::CRASH_SIGNALS`].
static BEHIND: Actions = Actions(UnsafeCell::new([None; ending::CRASH_SIGNALS.len()]));

struct Actions(UnsafeCell<[Option<libc::sigaction>; ending::CRASH_SIGNALS.len()]>);

// SAFETY: `watch` changes the actions, once, before the server can crash; afterwards they are only read.
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

extern "C" fn handle(number: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the pointer is null or that of a site, in memory that is never unmapped.
    if let Some(site) = unsafe { SITE.load(SeqCst).as_ref() }.filter(|site| site.is_clear()) {
        // SAFETY: the third argument of a handler is its context.
        let (instruction, stack) = unsafe { registers(&*context.cast::<ucontext_t>()) };
        site.0[0].store(instruction.max(1), SeqCst);
        for (place, call) in site.0[1..].iter().zip(calls(stack)) {
            place.store(call, SeqCst);
        }
    }
    let Some(behind) = BEHIND.of(number) else { return };
    // SAFETY: the action was that of the signal before, and the kernel has filled in `info`.
    let is_fault = unsafe {
        real::sigaction(number, &behind, ptr::null_mut());
        (*info).si_code > 0 && number != libc::SIGTRAP
    };
    if !is_fault {
        // A fault occurs again when this handler returns. Any other signal does not.
        let (process, thread) = (rustix::process::getpid(), rustix::thread::gettid());
        // SAFETY: the numbers are those of this thread and of a signal.
        let _ = unsafe { syscall!(Sysno::tgkill, process.as_raw_pid(), thread.as_raw_pid(), number) };
    }
}

/// Returns words of the stack that may be addresses to which the server's functions return.
fn calls(stack: usize) -> impl Iterator<Item = usize> {
    let code = SEGMENTS.get().map(Vec::as_slice).unwrap_or_default();
    let first = ptr::with_exposed_provenance::<usize>(stack / size_of::<usize>() * size_of::<usize>());
    (0..STACK_WORDS)
        // SAFETY: any bytes are a valid number.
        .map_while(move |index| unsafe { user_memory::read(first.wrapping_add(index)) }.ok())
        .filter(move |word| code.iter().any(|segment| segment.addresses.contains(word)))
}

/// Returns the program counter and the stack pointer.
#[cfg(target_arch = "x86_64")]
fn registers(context: &ucontext_t) -> (usize, usize) {
    let register = |number: c_int| context.uc_mcontext.gregs[number as usize] as usize;
    (register(libc::REG_RIP), register(libc::REG_RSP))
}

/// Returns the program counter and the stack pointer.
#[cfg(target_arch = "aarch64")]
fn registers(context: &ucontext_t) -> (usize, usize) {
    (context.uc_mcontext.pc as usize, context.uc_mcontext.sp as usize)
}
