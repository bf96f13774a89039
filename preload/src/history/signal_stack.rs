//! Alternate stacks for signals (sigaltstack(2)): without one, the handler of a crash cannot run when a thread has used up
//! its own.

use std::ptr;

use libc::{c_void, stack_t};
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};

/// Bytes of such a stack. A handler of the server's may run on it, too. The kernel provides only pages that are used.
const STACK_BYTES: usize = 256 * 1024;

/// Bytes below it that nothing may use.
const GUARD_BYTES: usize = 64 * 1024;

/// Alternate stack of a thread.
#[derive(Debug)]
pub(crate) struct SignalStack(*mut c_void);

impl SignalStack {
    /// Gives the calling thread a stack; `None` if it has one, or if there is no memory.
    pub(crate) fn install() -> Option<Self> {
        // SAFETY: the structures are on this stack; with a null address, the kernel chooses one where nothing is mapped.
        unsafe {
            let mut present: stack_t = std::mem::zeroed();
            if libc::sigaltstack(ptr::null(), &mut present) != 0 || present.ss_flags & libc::SS_DISABLE == 0 {
                return None;
            }
            let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
            let memory = mmap_anonymous(
                ptr::null_mut(),
                GUARD_BYTES + STACK_BYTES,
                ProtFlags::READ | ProtFlags::WRITE,
                flags,
            )
            .ok()?;
            let stack = Self(memory);
            let own = stack_t { ss_sp: memory.byte_add(GUARD_BYTES), ss_flags: 0, ss_size: STACK_BYTES };
            let is_guarded = mprotect(memory, GUARD_BYTES, MprotectFlags::empty()).is_ok();
            if !is_guarded || libc::sigaltstack(&own, ptr::null_mut()) != 0 {
                stack.unmap();
                return None;
            }
            Some(stack)
        }
    }

    /// Takes the stack from the calling thread, which is about to end.
    pub(crate) fn remove(self) {
        // SAFETY: the structures are on this stack.
        unsafe {
            let none = stack_t { ss_sp: ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
            let mut present: stack_t = std::mem::zeroed();
            let is_known = libc::sigaltstack(ptr::null(), &mut present) == 0;
            // The server may have replaced it.
            let is_own = is_known && present.ss_sp == self.0.byte_add(GUARD_BYTES);
            if is_known && (!is_own || libc::sigaltstack(&none, ptr::null_mut()) == 0) {
                self.unmap();
            }
        }
    }

    fn unmap(self) {
        // SAFETY: it is the mapping of `install`, which no thread uses as its stack.
        let _ = unsafe { munmap(self.0, GUARD_BYTES + STACK_BYTES) };
    }
}
