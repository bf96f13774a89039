//! Which process drives. A server may fork: a master keeps the listener open, workers accept, CGI
//! programs live in between. The first process that waits for connections plays the client; the
//! others' calls stay what they are.

use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, Ordering::SeqCst};

use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
use rustix::process::{Pid, getpid, test_kill_process};

use super::{doorbell, role};
use crate::setup::{self, Pace};
use crate::{backlog, memory, report};

/// Process id of the owner, in memory that all forks share; 0 while there is none.
static OWNER: AtomicPtr<AtomicI32> = AtomicPtr::new(ptr::null_mut());
/// Whether this process is the owner.
static MINE: AtomicBool = AtomicBool::new(false);

/// Makes the shared memory. To be called before the server forks the processes that will compete.
pub(crate) fn share() {
    if !OWNER.load(SeqCst).is_null() {
        return;
    }
    // SAFETY: a new mapping at an address of the kernel's choice; zeroes are a valid `AtomicI32`.
    let page = unsafe {
        mmap_anonymous(
            ptr::null_mut(),
            size_of::<AtomicI32>(),
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::SHARED,
        )
    };
    if let Ok(page) = page {
        OWNER.store(page.cast(), SeqCst);
    }
}

/// Whether any process drives, or has driven.
pub(crate) fn somebody_serves() -> bool {
    owner().is_some_and(|owner| owner.load(SeqCst) != 0)
}

/// Whether this process is, or has just become, the one that drives.
pub(super) fn may_drive() -> bool {
    MINE.load(SeqCst) || claim()
}

fn claim() -> bool {
    let Some(owner) = owner() else { return false };
    let me = getpid().as_raw_nonzero().get();
    let before = owner.load(SeqCst);
    let gone = Pid::from_raw(before).is_some_and(|pid| test_kill_process(pid) == Err(Errno::SRCH));
    if gone && setup::get().is_some_and(|setup| setup.pace == Pace::Loop) {
        // The forkserver has ended, and with it the campaign: leave no worker behind.
        report::exit(0);
    }
    let free = before == 0 || gone;
    let claimed = free && owner.compare_exchange(before, me, SeqCst, SeqCst).is_ok();
    if claimed {
        MINE.store(true, SeqCst);
        report::status().set_pid(me.unsigned_abs());
    }
    claimed
}

/// Makes this process the owner, if none is yet: it becomes the forkserver, and drives by its
/// children.
pub(crate) fn claim_for_this_process() {
    share();
    let _ = may_drive();
}

/// The server forked, and this is the child.
pub(crate) fn after_fork() {
    MINE.store(false, SeqCst);
    role::forget();
    forget_others();
}

/// In any child that was forked: no other thread waits, and what its parent's threads wait on is not its own.
pub(crate) fn forget_others() {
    doorbell::forget();
    backlog::forget_waiters();
    memory::forget_waiters();
}

fn owner() -> Option<&'static AtomicI32> {
    // SAFETY: null, or a mapping that is never removed.
    unsafe { OWNER.load(SeqCst).as_ref() }
}
