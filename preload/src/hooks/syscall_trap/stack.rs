//! Room for the work of a trapped call.
//!
//! The thread that made the call may be on a stack of a few kilobytes: Go's goroutines are, and
//! whatever else has threads of its own making. Their runtimes give every thread an alternate stack
//! for signals (sigaltstack(2)), and so the trap's handler uses it; but a whole session is played in
//! there, and the kernel takes an alternate stack for free as soon as the thread is elsewhere. So the
//! work is done on a larger stack of ours, and what it left on the alternate one is put back afterwards.

use std::arch::asm;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering::SeqCst};

use libc::ucontext_t;
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};

/// Bytes of a stack of ours: a page that nobody may touch, what the alternate stack held, and the room.
const STACK_BYTES: usize = 512 * 1024;
const GUARD_BYTES: usize = 4096;
/// Most that is kept of an alternate stack. More of it is in use where a handler of the server's makes
/// the call, from a large one.
const MAX_SAVED_BYTES: usize = 128 * 1024;

/// Stacks that no thread uses now.
static FREE: [AtomicPtr<u8>; 64] = [const { AtomicPtr::new(ptr::null_mut()) }; 64];

/// Does `work` with room enough.
///
/// # Safety
/// To be called in a signal handler with this `context`, while every signal is blocked. `work` may let
/// them in, but ends with all of them blocked, and uses nothing that lies on the handler's stack.
pub(super) unsafe fn with_room<R>(context: *mut c_void, work: impl FnOnce() -> R) -> R {
    // SAFETY: given by the caller.
    match unsafe { used_alternate_stack(context) }.and_then(|end| Some((end, take()?))) {
        // SAFETY: the memory is nobody else's, and `end` is where this thread's alternate stack ends.
        Some((end, memory)) => unsafe {
            let result = on_stack(memory, end, work);
            give_back(memory);
            result
        },
        None => work(),
    }
}

/// The end of the alternate stack that this handler runs on, if it runs on one, and little of it is used.
unsafe fn used_alternate_stack(context: *mut c_void) -> Option<usize> {
    // SAFETY: given by the caller.
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
    /// Where what was kept goes, and where the stack that it is from ends.
    kept: *mut u8,
    end: usize,
}

unsafe fn on_stack<W: FnOnce() -> R, R>(memory: *mut u8, end: usize, work: W) -> R {
    // SAFETY: within the memory.
    let (kept, top) = unsafe { (memory.add(GUARD_BYTES), memory.add(STACK_BYTES)) };
    let mut job = Job { work: Some(work), result: None, kept, end };
    // SAFETY: `run` gets a job of its own type, and leaves the callee-saved registers as they are.
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
    job.result.expect("the work was done")
}

/// On the new stack: `from` is how far the other one is used. Nothing of that is touched during the
/// work; a handler may come and overwrite it.
unsafe extern "C" fn run<W: FnOnce() -> R, R>(job: *mut Job<W, R>, from: usize) {
    // SAFETY: the job lies between `from` and the end; both stacks are this thread's.
    unsafe {
        let (work, kept, end) = ((*job).work.take(), (*job).kept, (*job).end);
        let used = ptr::with_exposed_provenance_mut::<u8>(from);
        ptr::copy_nonoverlapping(used, kept, end - from);
        let result = work.map(|work| work());
        ptr::copy_nonoverlapping(kept, used, end - from);
        (*job).result = result;
    }
}

/// A stack that nobody uses, or a new one.
fn take() -> Option<*mut u8> {
    let free = FREE.iter().map(|place| place.swap(ptr::null_mut(), SeqCst)).find(|memory| !memory.is_null());
    free.or_else(make)
}

fn make() -> Option<*mut u8> {
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new mapping at an address of the kernel's choice; its first page is nobody's yet.
    unsafe {
        let memory = mmap_anonymous(ptr::null_mut(), STACK_BYTES, access, MapFlags::PRIVATE).ok()?;
        let _without_guard = mprotect(memory, GUARD_BYTES, MprotectFlags::empty());
        Some(memory.cast())
    }
}

/// # Safety
/// The memory came from [`take`], and no thread is on it.
unsafe fn give_back(memory: *mut u8) {
    let has_place =
        |place: &AtomicPtr<u8>| place.compare_exchange(ptr::null_mut(), memory, SeqCst, SeqCst).is_ok();
    if !FREE.iter().any(has_place) {
        // SAFETY: given by the caller.
        let _ = unsafe { munmap(memory.cast(), STACK_BYTES) };
    }
}
