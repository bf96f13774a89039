//! Registers of an interrupted thread, where the kernel has saved them for a signal handler (getcontext(3)).

use libc::ucontext_t;
use sockfuzz_protocol::crash_record::CrashAccess;

/// CodePosition of a thread in its code and on its stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CodePosition {
    pub(super) program_counter: usize,
    pub(super) stack_pointer: usize,
}

fn position(context: &ucontext_t) -> CodePosition {
    CodePosition { program_counter: program_counter(context), stack_pointer: stack_pointer(context) }
}

#[cfg(target_arch = "x86_64")]
mod machine {
    use super::{CodePosition, CrashAccess, position};
    use libc::ucontext_t;

    /// Number of the page fault among the processor's exceptions, and the bit of its error code that tells a write.
    const PAGE_FAULT: i64 = 14;
    const WRITE: i64 = 1 << 1;

    pub(in super::super) fn program_counter(context: &ucontext_t) -> usize {
        context.uc_mcontext.gregs[libc::REG_RIP as usize] as usize
    }

    pub(in super::super) fn stack_pointer(context: &ucontext_t) -> usize {
        context.uc_mcontext.gregs[libc::REG_RSP as usize] as usize
    }

    /// Returns the access that the processor refused.
    pub(in super::super) fn failed_access(context: &ucontext_t) -> CrashAccess {
        let registers = &context.uc_mcontext.gregs;
        match (registers[libc::REG_TRAPNO as usize], registers[libc::REG_ERR as usize] & WRITE) {
            (PAGE_FAULT, 0) => CrashAccess::Read,
            (PAGE_FAULT, _) => CrashAccess::Write,
            _ => CrashAccess::Unknown,
        }
    }

    /// Returns the position after the call, if the thread is at the entry of a function: a call has pushed its address.
    /// `read` reads a word of memory.
    pub(in super::super) fn caller_of_entry(
        context: &ucontext_t,
        read: impl FnOnce(usize) -> Option<usize>,
    ) -> Option<CodePosition> {
        let stack_pointer = stack_pointer(context);
        let program_counter = read(stack_pointer)?;
        Some(CodePosition { program_counter, stack_pointer: stack_pointer.checked_add(size_of::<usize>())? })
    }

    /// Replaces the position of the thread, and returns the one before.
    pub(in super::super) fn move_to(context: &mut ucontext_t, to: &CodePosition) -> CodePosition {
        let before = position(context);
        context.uc_mcontext.gregs[libc::REG_RIP as usize] = to.program_counter as i64;
        context.uc_mcontext.gregs[libc::REG_RSP as usize] = to.stack_pointer as i64;
        before
    }
}

#[cfg(target_arch = "aarch64")]
mod machine {
    use super::{CodePosition, CrashAccess, position};
    use libc::ucontext_t;

    /// Number of the register with the address to which a call returns.
    const LINK: usize = 30;

    pub(in super::super) fn program_counter(context: &ucontext_t) -> usize {
        context.uc_mcontext.pc as usize
    }

    pub(in super::super) fn stack_pointer(context: &ucontext_t) -> usize {
        context.uc_mcontext.sp as usize
    }

    /// Returns the access that the processor refused: the context does not tell without its extensions.
    pub(in super::super) fn failed_access(_: &ucontext_t) -> CrashAccess {
        CrashAccess::Unknown
    }

    /// Returns the position after the call, if the thread is at the entry of a function: it is in a register.
    pub(in super::super) fn caller_of_entry(
        context: &ucontext_t,
        _: impl FnOnce(usize) -> Option<usize>,
    ) -> Option<CodePosition> {
        let program_counter = context.uc_mcontext.regs[LINK] as usize;
        Some(CodePosition { program_counter, stack_pointer: stack_pointer(context) })
    }

    /// Replaces the position of the thread, and returns the one before.
    pub(in super::super) fn move_to(context: &mut ucontext_t, to: &CodePosition) -> CodePosition {
        let before = position(context);
        context.uc_mcontext.pc = to.program_counter as u64;
        context.uc_mcontext.sp = to.stack_pointer as u64;
        before
    }
}

pub(super) use machine::{caller_of_entry, failed_access, move_to, program_counter, stack_pointer};
