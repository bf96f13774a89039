//! libc's pseudo-random numbers: the functions whose state is libc's own. The numbers are the real ones; the hooks
//! only record that the state has to be restored before the next iteration.

use std::ffi::{c_char, c_int, c_long, c_uint};

use libc::size_t;

use crate::determinism::pseudo_random;
use crate::sys::real;

pub(crate) unsafe fn rand() -> c_int {
    pseudo_random::mark_random_used();
    // SAFETY: the server's own call.
    unsafe { real::rand() }
}

pub(crate) unsafe fn srand(seed: c_uint) {
    pseudo_random::mark_random_used();
    // SAFETY: the server's own call.
    unsafe { real::srand(seed) }
}

pub(crate) unsafe fn random() -> c_long {
    pseudo_random::mark_random_used();
    // SAFETY: the server's own call.
    unsafe { real::random() }
}

pub(crate) unsafe fn srandom(seed: c_uint) {
    pseudo_random::mark_random_used();
    // SAFETY: the server's own call.
    unsafe { real::srandom(seed) }
}

pub(crate) unsafe fn initstate(seed: c_uint, state: *mut c_char, len: size_t) -> *mut c_char {
    pseudo_random::mark_random_used();
    // SAFETY: the server's own call.
    unsafe { real::initstate(seed, state, len) }
}

pub(crate) unsafe fn setstate(state: *mut c_char) -> *mut c_char {
    pseudo_random::mark_random_used();
    // SAFETY: the server's own call.
    unsafe { real::setstate(state) }
}

pub(crate) unsafe fn drand48() -> f64 {
    pseudo_random::mark_drand48_used();
    // SAFETY: the server's own call.
    unsafe { real::drand48() }
}

pub(crate) unsafe fn lrand48() -> c_long {
    pseudo_random::mark_drand48_used();
    // SAFETY: the server's own call.
    unsafe { real::lrand48() }
}

pub(crate) unsafe fn mrand48() -> c_long {
    pseudo_random::mark_drand48_used();
    // SAFETY: the server's own call.
    unsafe { real::mrand48() }
}

pub(crate) unsafe fn srand48(seed: c_long) {
    pseudo_random::set_parameters(None);
    // SAFETY: the server's own call.
    unsafe { real::srand48(seed) }
}

pub(crate) unsafe fn seed48(state: *mut u16) -> *mut u16 {
    pseudo_random::set_parameters(None);
    // SAFETY: the server's own call.
    unsafe { real::seed48(state) }
}

pub(crate) unsafe fn lcong48(parameters: *mut u16) {
    // SAFETY: lcong48(3) reads as many words from the server's pointer.
    pseudo_random::set_parameters(Some(unsafe { parameters.cast::<[u16; 7]>().read() }));
    // SAFETY: the server's own call.
    unsafe { real::lcong48(parameters) }
}
