//! System calls that bypass libc, brought back.
//!
//! Some runtimes (rustix's own backend under async-io and smol, liburing) make system calls by an
//! instruction of their own, which no interposed function sees. A seccomp filter turns these calls
//! into a signal, SIGSYS, in whose handler they take the way of libc's.
//!
//! Measured against syscall user dispatch: a trapped call costs 0.9 µs either way. The filter traps
//! only the calls that matter, by number and by place, and holds for threads and children; all
//! others pay 7 ns. A server without such calls gets no filter. The kernel forgets it never, not
//! even at `exec`: it names only addresses in objects of this process.

mod filter;
mod objects;
mod registers;
mod stack;

use std::ffi::{c_int, c_long, c_void};

use libc::siginfo_t;
use sockfuzz_protocol::{Syscalls, specs};

use crate::hooks::{signal, syscall};
use crate::sys::{config, errno, real, report};

/// Marks our traps: other filters of the server's may raise the same signal.
const MARK: u16 = 0x5f5a;

/// `si_code` of a signal that a filter raised (asm-generic/siginfo.h: SYS_SECCOMP).
const SYS_SECCOMP: c_int = 1;

/// Before `main`: sets the trap, if this server needs one.
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
            "this server waits in system calls that bypass libc, and the kernel allows no filter to trap \
             them ({error}); {}=libc goes without",
            specs::SYSCALLS.variable
        ));
    }
}

/// Does the call that was trapped. The thread is at its own system call instruction, not anywhere:
/// what libc's function may do, this may.
extern "C-unwind" fn on_trap(_: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: given by the kernel.
    let (ours, mask) = unsafe {
        let info = &*info;
        (info.si_code == SYS_SECCOMP && info.si_errno == c_int::from(MARK), registers::mask(context))
    };
    if !ours {
        set_mask(*mask);
        return signal::pass_on(info, context);
    }
    let before = *mask;
    // SAFETY: the context of this signal; the call is the server's own. (It leaves `errno` alone.)
    unsafe {
        let (number, arguments) = registers::read(context);
        let (result, after) = stack::with_room(context, move || {
            set_mask(before);
            let result = errno::untouched(|| call(number, arguments));
            // The call may have been one that changes the mask.
            (result, set_mask(EVERY_SIGNAL))
        });
        *mask = after;
        registers::answer(context, result);
    }
}

/// What the kernel would answer: a result, or a negative error number.
///
/// # Safety
/// The call is the server's own.
unsafe fn call(number: c_long, arguments: syscall::Registers) -> c_long {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: given by the caller.
    let result = unsafe {
        syscall::dispatch(number, arguments).unwrap_or_else(|| real::syscall(number, a, b, c, d, e, f))
    };
    if result == -1 { -c_long::from(errno::last().raw_os_error()) } else { result }
}

const EVERY_SIGNAL: u64 = u64::MAX;

/// Blocks these signals and no others: those that were blocked before.
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
