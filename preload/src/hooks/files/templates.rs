//! Temporary files: mkstemp(3) and its variants, which write the chosen name into the server's template.

use std::ptr;

use libc::{c_char, c_int, strlen};

use crate::sys::relocation::CallResult;
use crate::sys::{real, relocation};

/// Number of characters that are replaced.
const CHOSEN_BYTES: usize = 6;

pub(crate) unsafe fn mkstemp(template: *mut c_char) -> c_int {
    // SAFETY: the caller upholds the contract of mkstemp(3).
    unsafe { choose(template, 0, |template| real::mkstemp(template)) }
}

pub(crate) unsafe fn mkostemp(template: *mut c_char, flags: c_int) -> c_int {
    // SAFETY: the caller upholds the contract of mkostemp(3).
    unsafe { choose(template, 0, |template| real::mkostemp(template, flags)) }
}

pub(crate) unsafe fn mkstemps(template: *mut c_char, suffix_len: c_int) -> c_int {
    // SAFETY: the caller upholds the contract of mkstemps(3).
    unsafe { choose(template, suffix_len, |template| real::mkstemps(template, suffix_len)) }
}

pub(crate) unsafe fn mkostemps(template: *mut c_char, suffix_len: c_int, flags: c_int) -> c_int {
    // SAFETY: the caller upholds the contract of mkostemps(3).
    unsafe { choose(template, suffix_len, |template| real::mkostemps(template, suffix_len, flags)) }
}

pub(crate) unsafe fn mkdtemp(template: *mut c_char) -> *mut c_char {
    // SAFETY: the caller upholds the contract of mkdtemp(3).
    let made = unsafe { choose(template, 0, |template| real::mkdtemp(template)) };
    if made.is_null() { made } else { template }
}

/// Performs `call` with the template at the new place, and copies the chosen characters into the server's. If the call
/// succeeds, both end with them and the suffix.
///
/// # Safety
/// `template` ends with a zero byte, is writable, and is not accessed by other threads during the call.
unsafe fn choose<R: CallResult + PartialEq>(
    template: *mut c_char,
    suffix_len: c_int,
    call: impl FnOnce(*mut c_char) -> R,
) -> R {
    // SAFETY: the caller upholds the precondition for `template`. If `place` is another string, it lies in a writable buffer
    // of `follow` and ends with the same characters and suffix.
    unsafe {
        relocation::follow(template, |place| {
            let result = call(place.cast_mut());
            if result != R::FAILED && !ptr::eq(place, template) {
                let from_end = CHOSEN_BYTES + suffix_len.unsigned_abs() as usize;
                let chosen = place.add(strlen(place) - from_end);
                ptr::copy_nonoverlapping(chosen, template.add(strlen(template) - from_end), CHOSEN_BYTES);
            }
            result
        })
    }
}
