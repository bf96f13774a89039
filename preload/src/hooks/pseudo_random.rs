//! libc's pseudo-random numbers: the functions whose state is libc's own. The numbers are the real ones; the hooks
//! only record that the state has to be restored before the next iteration.

use std::ffi::{c_char, c_int, c_long, c_uint};

use libc::size_t;

use crate::determinism::pseudo_random;
use crate::sys::real;

pub(crate) unsafe fn rand() -> c_int {
    pseudo_random::mark_random_used();
    // SAFETY: rand(3) requires that a state from the server is still valid, which the caller ensures.
    unsafe { real::rand() }
}

pub(crate) unsafe fn srand(seed: c_uint) {
    pseudo_random::mark_random_used();
    // SAFETY: srand(3) requires that a state from the server is still valid, which the caller ensures.
    unsafe { real::srand(seed) }
}

pub(crate) unsafe fn random() -> c_long {
    pseudo_random::mark_random_used();
    // SAFETY: random(3) requires that a state from the server is still valid, which the caller ensures.
    unsafe { real::random() }
}

pub(crate) unsafe fn srandom(seed: c_uint) {
    pseudo_random::mark_random_used();
    // SAFETY: srandom(3) requires that a state from the server is still valid, which the caller ensures.
    unsafe { real::srandom(seed) }
}

pub(crate) unsafe fn initstate(seed: c_uint, state: *mut c_char, len: size_t) -> *mut c_char {
    pseudo_random::mark_random_used();
    // SAFETY: the caller upholds the contract of initstate(3); the arguments are unchanged.
    unsafe { real::initstate(seed, state, len) }
}

pub(crate) unsafe fn setstate(state: *mut c_char) -> *mut c_char {
    pseudo_random::mark_random_used();
    // SAFETY: the caller upholds the contract of setstate(3); the argument is unchanged.
    unsafe { real::setstate(state) }
}

pub(crate) unsafe fn drand48() -> f64 {
    pseudo_random::mark_drand48_used();
    // SAFETY: drand48(3) has no precondition.
    unsafe { real::drand48() }
}

pub(crate) unsafe fn lrand48() -> c_long {
    pseudo_random::mark_drand48_used();
    // SAFETY: lrand48(3) has no precondition.
    unsafe { real::lrand48() }
}

pub(crate) unsafe fn mrand48() -> c_long {
    pseudo_random::mark_drand48_used();
    // SAFETY: mrand48(3) has no precondition.
    unsafe { real::mrand48() }
}

pub(crate) unsafe fn srand48(seed: c_long) {
    pseudo_random::set_parameters(None);
    // SAFETY: srand48(3) takes a number and has no precondition.
    unsafe { real::srand48(seed) }
}

pub(crate) unsafe fn seed48(state: *mut u16) -> *mut u16 {
    pseudo_random::set_parameters(None);
    // SAFETY: the caller upholds the contract of seed48(3); the argument is unchanged.
    unsafe { real::seed48(state) }
}

pub(crate) unsafe fn lcong48(parameters: *mut u16) {
    // SAFETY: seven words are readable there, by the contract of lcong48(3).
    pseudo_random::set_parameters(Some(unsafe { parameters.cast::<[u16; 7]>().read() }));
    // SAFETY: the caller upholds the contract of lcong48(3); the argument is unchanged.
    unsafe { real::lcong48(parameters) }
}
