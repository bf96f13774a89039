//! System V shared memory that AFL++ has made: the coverage maps and the place of inputs. The runtime attaches each when
//! its turn comes; by then the sandbox has left the namespace in which the numbers mean something, and a server that was
//! started by root may have become somebody who is not allowed to. So all are attached before, and the runtime is
//! given these.

use std::env;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

use libc::{c_int, c_void};
use rustix::mm::{MremapFlags, mremap_fixed};

use crate::sys::real;

/// Tells the number of the coverage map (AFL++ config.h: SHM_ENV_VAR).
pub(super) const COVERAGE_SHM_VARIABLE: &str = "__AFL_SHM_ID";

/// Tells the number of cmplog's map (config.h: CMPLOG_SHM_ENV_VAR).
pub(super) const CMPLOG_SHM_VARIABLE: &str = "__AFL_CMPLOG_SHM_ID";

/// Tells the number of the place of inputs (config.h: SHM_FUZZ_ENV_VAR).
pub(crate) const INPUT_SHM_VARIABLE: &str = "__AFL_SHM_FUZZ_ID";

/// Largest input that AFL++ hands over (config.h: MAX_FILE), in bytes.
pub(crate) const MAX_INPUT_BYTES: usize = 1 << 20;

static SEGMENTS: OnceLock<Vec<Segment>> = OnceLock::new();

/// An attached segment. It stays attached.
#[derive(Debug)]
pub(crate) struct Segment {
    number: c_int,
    address: AtomicPtr<c_void>,
    /// Length in bytes.
    len: usize,
}

/// Attaches those that the environment names.
pub(crate) fn attach() {
    let variables = [COVERAGE_SHM_VARIABLE, CMPLOG_SHM_VARIABLE, INPUT_SHM_VARIABLE];
    let _ = SEGMENTS.set(variables.into_iter().filter_map(number_in).filter_map(Segment::attach).collect());
}

/// The segment whose number the variable tells.
pub(crate) fn named_by(variable: &str) -> Option<&'static Segment> {
    with_number(number_in(variable)?)
}

/// The segment with this number, if it is AFL++'s.
pub(crate) fn with_number(number: c_int) -> Option<&'static Segment> {
    SEGMENTS.get()?.iter().find(|segment| segment.number == number)
}

/// Whether this is the address of a segment of AFL++'s.
pub(crate) fn is_at(address: *const c_void) -> bool {
    SEGMENTS.get().is_some_and(|segments| segments.iter().any(|segment| ptr::eq(segment.address(), address)))
}

impl Segment {
    fn attach(number: c_int) -> Option<Self> {
        let len = size_of_segment(number)?;
        // SAFETY: a new mapping at an address of the kernel's choice.
        let address = unsafe { real::shmat(number, ptr::null(), 0) };
        (address.addr() != usize::MAX).then_some(Self { number, address: AtomicPtr::new(address), len })
    }

    /// Where it is.
    pub(crate) fn address(&self) -> *mut c_void {
        self.address.load(Relaxed)
    }

    /// Its length in bytes.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Moves it to the address that a runtime insists on; says whether it is there.
    ///
    /// # Safety
    /// Nothing is mapped there, and nobody uses the memory yet.
    pub(crate) unsafe fn move_to(&self, wanted: *mut c_void) -> bool {
        // SAFETY: the old mapping is this one's; the new place is free by the caller's word.
        let moved = unsafe { mremap_fixed(self.address(), self.len, self.len, MremapFlags::MAYMOVE, wanted) };
        moved.inspect(|address| self.address.store(*address, Relaxed)).is_ok()
    }
}

fn number_in(variable: &str) -> Option<c_int> {
    env::var(variable).ok()?.parse().ok()
}

fn size_of_segment(number: c_int) -> Option<usize> {
    let mut found = MaybeUninit::uninit();
    // SAFETY: the kernel fills in what it is given the address of (shmctl(2)).
    unsafe {
        let failed = libc::shmctl(number, libc::IPC_STAT, found.as_mut_ptr());
        (failed == 0).then(|| found.assume_init().shm_segsz)
    }
}
