//! The memory in which afl-fuzz hands over inputs. The runtime attaches it when the forkserver
//! starts; by then a server that was started by root may have become somebody who is not allowed
//! to. So it is attached before the server's `main`, and the runtime is given that.

use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicPtr, Ordering::Relaxed};

use libc::{c_int, c_void};

use super::shm_segment;

/// Variable in which afl-fuzz tells the memory's number (AFL++ config.h: SHM_FUZZ_ENV_VAR).
pub(super) const INPUT_SHM_VARIABLE: &str = "__AFL_SHM_FUZZ_ID";

/// Largest input that AFL++ hands over (config.h: MAX_FILE), in bytes.
pub(crate) const MAX_INPUT_BYTES: usize = 1 << 20;

static NUMBER: AtomicI32 = AtomicI32::new(-1);
static ADDRESS: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// Attaches it.
pub(super) fn attach() {
    if let Some((number, address)) = shm_segment::attach(INPUT_SHM_VARIABLE) {
        ADDRESS.store(address, Relaxed);
        NUMBER.store(number, Relaxed);
    }
}

/// Where the memory of this number is, if it is the one that was attached.
pub(crate) fn address_of(number: c_int) -> Option<*mut c_void> {
    (number >= 0 && number == NUMBER.load(Relaxed)).then(|| ADDRESS.load(Relaxed))
}
