//! Registers of a system call in the context of a signal, on x86-64 (syscall(2), "Architecture
//! calling conventions").

use std::ffi::{c_long, c_void};

use libc::{REG_R8, REG_R9, REG_R10, REG_RAX, REG_RDI, REG_RDX, REG_RSI, ucontext_t};

use crate::hooks::syscall::Registers;

/// Number and arguments of the call.
///
/// # Safety
/// `context` is the third argument of a signal handler.
pub(super) unsafe fn read(context: *mut c_void) -> (c_long, Registers) {
    // SAFETY: `context` is that of a signal handler, so it points at a `ucontext_t`.
    let all = unsafe { &(*context.cast::<ucontext_t>()).uc_mcontext.gregs };
    let arguments = [REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9];
    (all[REG_RAX as usize], arguments.map(|register| all[register as usize] as usize))
}

/// Signals that the thread blocks: the first word of the mask, and the only one that the kernel uses.
///
/// # Safety
/// As for [`read`].
pub(super) unsafe fn mask<'a>(context: *mut c_void) -> &'a mut u64 {
    // SAFETY: `context` is that of a signal handler, so it points at a `ucontext_t`.
    unsafe { &mut *(&raw mut (*context.cast::<ucontext_t>()).uc_sigmask).cast() }
}

/// Sets the return value of the call: a result, or a negative error number.
///
/// # Safety
/// As for [`read`].
pub(super) unsafe fn answer(context: *mut c_void, result: c_long) {
    // SAFETY: `context` is that of a signal handler, so it points at a `ucontext_t`.
    unsafe { (*context.cast::<ucontext_t>()).uc_mcontext.gregs[REG_RAX as usize] = result };
}
