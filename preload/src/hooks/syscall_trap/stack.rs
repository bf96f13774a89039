//! Stacks on which trapped calls run.
//!
//! The thread that made the call may be on a stack of a few kilobytes, as Go's goroutines and other
//! user-level threads are. Their runtimes give every thread an alternate stack for signals
//! (sigaltstack(2)), and the trap's handler uses it. But a whole session is played within the handler,
//! and the kernel considers an alternate stack free as soon as the thread is elsewhere. So the call runs
//! on a larger stack of the preload's, and the contents of the alternate one are restored afterwards.

use std::arch::asm;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering::SeqCst};

use libc::ucontext_t;
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};

/// Bytes of such a stack: a guard page, the saved contents of the alternate stack, and the room for the call.
const STACK_BYTES: usize = 512 * 1024;
const GUARD_BYTES: usize = 4096;
/// Bytes for the saved contents of an alternate stack, of which about half may be used. More is in use if a handler
/// of the server's makes the call, on a large alternate stack; then the call runs on that.
const MAX_SAVED_BYTES: usize = 128 * 1024;

/// Stacks that no thread uses at the moment.
static FREE: [AtomicPtr<u8>; 64] = [const { AtomicPtr::new(ptr::null_mut()) }; 64];

/// Runs `work` on a stack that is large enough.
///
/// # Safety
/// To be called in a signal handler with this `context`, while every signal is blocked. `work` may unblock
/// them, but returns with all of them blocked, and uses nothing that lies on the handler's stack.
pub(super) unsafe fn with_room<R>(context: *mut c_void, work: impl FnOnce() -> R) -> R {
    // SAFETY: `context` is that of a signal handler, so it points at a `ucontext_t`.
    match unsafe { used_alternate_stack(context) }.and_then(|end| Some((end, take()?))) {
        // SAFETY: `take` gives the memory to one thread at a time; `end` is the end of this thread's alternate stack.
        Some((end, memory)) => unsafe {
            let result = on_stack(memory, end, work);
            give_back(memory);
            result
        },
        None => work(),
    }
}

/// End of the alternate stack that this handler runs on; `None` if it runs on none, or much of it is in use.
unsafe fn used_alternate_stack(context: *mut c_void) -> Option<usize> {
    // SAFETY: `context` points at a `ucontext_t`.
    let stack = unsafe { &(*context.cast::<ucontext_t>()).uc_stack };
    let here = (&raw const stack).addr();
    let start = stack.ss_sp.addr();
    let end = start + stack.ss_size;
    (stack.ss_flags & libc::SS_DISABLE == 0
        && (start..end).contains(&here)
        && end - here < MAX_SAVED_BYTES / 2)
        .then_some(end)
}

struct Job<W, R> {
    work: Option<W>,
    result: Option<R>,
    /// Address of the saved contents, and the end of the stack that they are from.
    kept: *mut u8,
    end: usize,
}

unsafe fn on_stack<W: FnOnce() -> R, R>(memory: *mut u8, end: usize, work: W) -> R {
    // SAFETY: the memory has `STACK_BYTES`, so both addresses are within it or at its end.
    let (kept, top) = unsafe { (memory.add(GUARD_BYTES), memory.add(STACK_BYTES)) };
    let mut job = Job { work: Some(work), result: None, kept, end };
    // SAFETY: `run` gets a job of its type, and preserves the callee-saved registers, `r12` among them.
    unsafe {
        asm!(
            "mov r12, rsp",
            "mov rsi, rsp",
            "mov rsp, {top}",
            "call {run}",
            "mov rsp, r12",
            top = in(reg) top,
            run = in(reg) run::<W, R> as unsafe extern "C" fn(*mut Job<W, R>, usize),
            in("rdi") &raw mut job,
            out("rsi") _,
            out("r12") _,
            clobber_abi("C"),
        );
    }
    job.result.expect("run stores the result")
}

/// Runs the job on the new stack. The other stack is in use from `from` on. That part is not accessed during the work,
/// because another signal handler may overwrite it.
unsafe extern "C" fn run<W: FnOnce() -> R, R>(job: *mut Job<W, R>, from: usize) {
    // SAFETY: the job lies between `from` and `end`, so it is valid again after the copy back; `kept` has room for
    // that part, and both stacks are this thread's.
    unsafe {
        let (work, kept, end) = ((*job).work.take(), (*job).kept, (*job).end);
        let used = ptr::with_exposed_provenance_mut::<u8>(from);
        ptr::copy_nonoverlapping(used, kept, end - from);
        let result = work.map(|work| work());
        ptr::copy_nonoverlapping(kept, used, end - from);
        (*job).result = result;
    }
}

/// Takes a free stack, or makes one; `None` without memory.
fn take() -> Option<*mut u8> {
    let free = FREE.iter().map(|place| place.swap(ptr::null_mut(), SeqCst)).find(|memory| !memory.is_null());
    free.or_else(make)
}

fn make() -> Option<*mut u8> {
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: the mapping is new, at an address that the kernel chooses, and nothing uses its first page yet.
    unsafe {
        let memory = mmap_anonymous(ptr::null_mut(), STACK_BYTES, access, MapFlags::PRIVATE).ok()?;
        let _without_guard = mprotect(memory, GUARD_BYTES, MprotectFlags::empty());
        Some(memory.cast())
    }
}

/// # Safety
/// The memory is from [`take`], and no thread runs on it.
unsafe fn give_back(memory: *mut u8) {
    let has_place =
        |place: &AtomicPtr<u8>| place.compare_exchange(ptr::null_mut(), memory, SeqCst, SeqCst).is_ok();
    if !FREE.iter().any(has_place) {
        // SAFETY: the memory is a mapping of this size that no thread uses, by this function's contract.
        let _ = unsafe { munmap(memory.cast(), STACK_BYTES) };
    }
}
