//! Trap for system calls that bypass libc.
//!
//! Some runtimes (rustix's own backend under async-io and smol, liburing) make system calls by an
//! instruction of their own, which bypasses every hook. A seccomp filter turns these calls into the
//! signal SIGSYS, whose handler dispatches them to the hooks.
//!
//! A trapped call costs 0.9 µs, as it would with syscall user dispatch. The filter traps only
//! intercepted calls, by number and address, and also applies to threads and child processes; all
//! other calls cost 7 ns more. A server without such calls gets no filter. The kernel keeps the filter
//! for ever, even over `exec`, but it contains only addresses in objects of this process.

mod filter;
mod objects;
mod registers;
mod stack;

use std::ffi::{c_int, c_long, c_void};

use libc::siginfo_t;
use sockfuzz_protocol::{Syscalls, specs};

use crate::hooks::{signal, syscall};
use crate::sys::{config, errno, real, report};

/// Mark of this filter's traps: other filters of the server's may raise the same signal.
const MARK: u16 = 0x5f5a;

/// `si_code` of a signal that a filter raised (asm-generic/siginfo.h: SYS_SECCOMP).
const SYS_SECCOMP: c_int = 1;

/// Installs the trap before `main`, if this server needs one.
pub(crate) fn prepare() {
    let Some(config) = config::get() else { return };
    let ranges = match config.options.syscalls {
        Syscalls::Libc => return,
        Syscalls::Auto => objects::code_of(objects::waits),
        Syscalls::Trap => objects::code_of(objects::has_calls),
    };
    if ranges.is_empty() {
        return;
    }
    let set = signal::take_sigsys(on_trap).and_then(|()| filter::install(&ranges, syscall::NUMBERS, MARK));
    if let Err(error) = set {
        report::emit(format_args!(
            "this server makes system calls that bypass libc, and no seccomp filter could be installed to trap \
             them ({error}); set {}=libc to run without the filter",
            specs::SYSCALLS.variable
        ));
    }
}

/// Performs the trapped call. The thread is at its own system call instruction, not at an arbitrary point, so this
/// handler may do whatever libc's function may.
extern "C-unwind" fn on_trap(_: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel calls this handler with a valid `info` and the context of the signal.
    let (ours, mask) = unsafe {
        let info = &*info;
        (info.si_code == SYS_SECCOMP && info.si_errno == c_int::from(MARK), registers::mask(context))
    };
    if !ours {
        set_mask(*mask);
        return signal::pass_on(info, context);
    }
    let before = *mask;
    // SAFETY: `context` is that of this signal, and every signal is blocked, as it is again after `call`. The closure
    // owns its values. `call` gets the unchanged arguments of the trapped call. (It leaves `errno` alone.)
    unsafe {
        let (number, arguments) = registers::read(context);
        let (result, after) = stack::with_room(context, move || {
            set_mask(before);
            let result = errno::untouched(|| call(number, arguments));
            // The call may have changed the mask.
            (result, set_mask(EVERY_SIGNAL))
        });
        *mask = after;
        registers::answer(context, result);
    }
}

/// Performs a call and returns the kernel's form of its result: a negative error number for a failure.
///
/// # Safety
/// The contract of the system call.
unsafe fn call(number: c_long, arguments: syscall::Registers) -> c_long {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: the caller upholds the contract of the system call; the arguments are unchanged.
    let result = unsafe {
        syscall::dispatch(number, arguments).unwrap_or_else(|| real::syscall(number, a, b, c, d, e, f))
    };
    if result == -1 { -c_long::from(errno::last().raw_os_error()) } else { result }
}

const EVERY_SIGNAL: u64 = u64::MAX;

/// Blocks these signals and no others; returns the previous mask.
fn set_mask(mask: u64) -> u64 {
    let mut before = 0_u64;
    // SAFETY: both masks are on this stack, and of the kernel's size.
    unsafe {
        real::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK as usize,
            (&raw const mask).addr(),
            (&raw mut before).addr(),
            size_of::<u64>(),
            0,
            0,
        )
    };
    before
}
