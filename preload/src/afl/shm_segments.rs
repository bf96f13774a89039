//! System V shared memory of AFL++: the coverage maps and the place of inputs. The runtime attaches the segments later,
//! when the sandbox has left the namespace in which their numbers are valid, and a server started by root may have
//! changed to a user without the right to attach them. So all are attached in advance, for the runtime.

use std::env;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

use libc::{c_int, c_void};
use rustix::mm::{MremapFlags, mremap_fixed};

use crate::sys::real;

/// Environment variable with the number of the coverage map's segment (AFL++ config.h: SHM_ENV_VAR).
pub(super) const COVERAGE_SHM_VARIABLE: &str = "__AFL_SHM_ID";

/// Environment variable with the number of the segment of cmplog's map (config.h: CMPLOG_SHM_ENV_VAR).
pub(super) const CMPLOG_SHM_VARIABLE: &str = "__AFL_CMPLOG_SHM_ID";

/// Environment variable with the number of the segment of inputs (config.h: SHM_FUZZ_ENV_VAR).
pub(crate) const INPUT_SHM_VARIABLE: &str = "__AFL_SHM_FUZZ_ID";

/// Size of the largest input of AFL++, in bytes (config.h: MAX_FILE).
pub(crate) const MAX_INPUT_BYTES: usize = 1 << 20;

static SEGMENTS: OnceLock<Vec<Segment>> = OnceLock::new();

/// Attached segment. It stays attached.
#[derive(Debug)]
pub(crate) struct Segment {
    number: c_int,
    address: AtomicPtr<c_void>,
    /// Length in bytes.
    len: usize,
}

/// Attaches the segments whose numbers are in the environment.
pub(crate) fn attach() {
    let variables = [COVERAGE_SHM_VARIABLE, CMPLOG_SHM_VARIABLE, INPUT_SHM_VARIABLE];
    let _ = SEGMENTS.set(variables.into_iter().filter_map(number_in).filter_map(Segment::attach).collect());
}

/// Returns the segment whose number is in this environment variable.
pub(crate) fn named_by(variable: &str) -> Option<&'static Segment> {
    with_number(number_in(variable)?)
}

/// Returns the segment with this number, if it is AFL++'s.
pub(crate) fn with_number(number: c_int) -> Option<&'static Segment> {
    SEGMENTS.get()?.iter().find(|segment| segment.number == number)
}

/// Whether a segment of AFL++ is attached at this address.
pub(crate) fn is_at(address: *const c_void) -> bool {
    SEGMENTS.get().is_some_and(|segments| segments.iter().any(|segment| ptr::eq(segment.address(), address)))
}

impl Segment {
    fn attach(number: c_int) -> Option<Self> {
        let len = size_of_segment(number)?;
        // SAFETY: with a null address the kernel chooses one where nothing is mapped.
        let address = unsafe { real::shmat(number, ptr::null(), 0) };
        (address.addr() != usize::MAX).then_some(Self { number, address: AtomicPtr::new(address), len })
    }

    /// Returns its address.
    pub(crate) fn address(&self) -> *mut c_void {
        self.address.load(Relaxed)
    }

    /// Returns its length in bytes.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Moves it to the address that a runtime requires; returns whether it is there.
    ///
    /// # Safety
    /// Nothing may be mapped at `wanted`, and nothing may use the segment's memory yet.
    pub(crate) unsafe fn move_to(&self, wanted: *mut c_void) -> bool {
        // SAFETY: the old range is this segment's; the caller guarantees that it is unused and that the new one is
        // free.
        let moved = unsafe { mremap_fixed(self.address(), self.len, self.len, MremapFlags::MAYMOVE, wanted) };
        moved.inspect(|address| self.address.store(*address, Relaxed)).is_ok()
    }
}

fn number_in(variable: &str) -> Option<c_int> {
    env::var(variable).ok()?.parse().ok()
}

fn size_of_segment(number: c_int) -> Option<usize> {
    let mut found = MaybeUninit::uninit();
    // SAFETY: the address is that of a `shmid_ds` on this stack, which shmctl(2) fills in when it succeeds.
    unsafe {
        let failed = libc::shmctl(number, libc::IPC_STAT, found.as_mut_ptr());
        (failed == 0).then(|| found.assume_init().shm_segsz)
    }
}
