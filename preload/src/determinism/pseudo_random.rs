//! State of libc's pseudo-random numbers: rand(3) and random(3), which share one, and drand48(3).
//!
//! With fixed randomness, every iteration begins with the state that the first counted one began with, however
//! much the server has drawn since. A server that seeds them within an iteration keeps that for the iteration.
//! The functions that work on state of the caller's (`rand_r`, `erand48`, `random_r`, …) are left alone.

use std::ffi::c_char;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use super::randomness;
use crate::sys::real;

/// Whether the server has used random(3) since its state was saved or restored.
static RANDOM_USED: AtomicBool = AtomicBool::new(false);
/// The same for drand48(3).
static DRAND48_USED: AtomicBool = AtomicBool::new(false);
/// What the server has called lcong48(3) with, unless it has seeded drand48(3) otherwise since.
static PARAMETERS: Mutex<Option<Parameters>> = Mutex::new(None);
static SAVED: Mutex<Option<SavedStates>> = Mutex::new(None);

/// Parameter of lcong48(3): the number X, the multiplier and the addend.
type Parameters = [u16; 7];
/// X of drand48(3), of which each number is made.
type Drand48State = [u16; 3];

/// Kinds of state that glibc has (stdlib/random_r.c: MAX_TYPES). The kind is the first word's remainder.
const STATE_KINDS: usize = 5;
/// Words that each kind has, the first one included (BREAK_0 to BREAK_4, in bytes).
const STATE_WORDS: [usize; STATE_KINDS] = [2, 8, 16, 32, 64];

struct SavedStates {
    random: RandomState,
    drand48: Drand48State,
    parameters: Option<Parameters>,
}

/// Copy of the state of random(3).
struct RandomState {
    /// Where libc has the state: in memory of its own, or what the server gave to initstate(3).
    address: *mut u32,
    words: Vec<u32>,
    /// Another state, of the smallest kind. While it is in use, the memory of the former one is complete: the
    /// position in it is a part of it only then.
    other: &'static mut [u32; 2],
}

// SAFETY: the address is used by libc in whichever thread calls it.
unsafe impl Send for RandomState {}

/// Records that the server uses random(3) or rand(3).
pub(crate) fn mark_random_used() {
    RANDOM_USED.store(true, Relaxed);
}

/// Records that the server uses drand48(3).
pub(crate) fn mark_drand48_used() {
    DRAND48_USED.store(true, Relaxed);
}

/// Records what the server gives to lcong48(3); `None`: it calls a function that sets the usual parameters again.
pub(crate) fn set_parameters(parameters: Option<Parameters>) {
    mark_drand48_used();
    *PARAMETERS.lock().unwrap_or_else(PoisonError::into_inner) = parameters;
}

/// Saves the states, if randomness is fixed: the first counted iteration is about to begin.
pub(crate) fn save() {
    if !randomness::is_fixed() {
        return;
    }
    let parameters = *PARAMETERS.lock().unwrap_or_else(PoisonError::into_inner);
    let drand48 = swap_drand48([0; 3]);
    put_drand48(drand48, parameters);
    RANDOM_USED.store(false, Relaxed);
    DRAND48_USED.store(false, Relaxed);
    let saved = RandomState::save().map(|random| SavedStates { random, drand48, parameters });
    *SAVED.lock().unwrap_or_else(PoisonError::into_inner) = saved;
}

/// Restores the states that were used since. To be called while no thread of the server's runs.
pub(crate) fn restore() {
    let (random, drand48) = (RANDOM_USED.load(Relaxed), DRAND48_USED.load(Relaxed));
    if !random && !drand48 {
        return;
    }
    if let Some(saved) = SAVED.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
        if random {
            saved.random.restore();
            RANDOM_USED.store(false, Relaxed);
        }
        if drand48 {
            put_drand48(saved.drand48, saved.parameters);
            set_parameters(saved.parameters);
            DRAND48_USED.store(false, Relaxed);
        }
    }
}

impl RandomState {
    fn save() -> Option<Self> {
        let other: &'static mut [u32; 2] = Box::leak(Box::new([0; 2]));
        // SAFETY: the memory is as long as said, and libc's for ever.
        let address: *mut u32 =
            unsafe { real::initstate(1, other.as_mut_ptr().cast(), size_of_val(other)) }.cast();
        if address.is_null() {
            return None;
        }
        // SAFETY: the first word of a state that was in use until now.
        let len = STATE_WORDS[unsafe { address.read() } as usize % STATE_KINDS];
        // SAFETY: a state of this kind has this many words.
        let words = unsafe { std::slice::from_raw_parts(address, len) }.to_vec();
        // SAFETY: a complete state.
        unsafe { real::setstate(address.cast::<c_char>()) };
        Some(Self { address, words, other })
    }

    /// Restores the words in the memory where they were. If another state is in use, the server has given libc
    /// memory of its own, and may have freed it: then it is left alone.
    fn restore(&mut self) {
        // SAFETY: `other` is a complete state: it was in use before.
        let used: *mut u32 = unsafe { real::setstate(self.other.as_mut_ptr().cast()) }.cast();
        if used == self.address {
            // SAFETY: libc's current state, which is not in use at this moment, and of the same kind: only
            // initstate(3) gives it another one, and a server that reuses the memory gives it no less.
            unsafe { ptr::copy_nonoverlapping(self.words.as_ptr(), used, self.words.len()) };
        }
        // SAFETY: a complete state.
        unsafe { real::setstate(used.cast::<c_char>()) };
    }
}

/// Sets X, and the usual parameters; X as it was.
fn swap_drand48(mut state: Drand48State) -> Drand48State {
    // SAFETY: seed48(3) reads three words, and returns the address of as many.
    unsafe { real::seed48(state.as_mut_ptr()).cast::<Drand48State>().read() }
}

fn put_drand48(state: Drand48State, parameters: Option<Parameters>) {
    match parameters {
        None => {
            swap_drand48(state);
        }
        Some(mut parameters) => {
            parameters[..state.len()].copy_from_slice(&state);
            // SAFETY: lcong48(3) reads seven words.
            unsafe { real::lcong48(parameters.as_mut_ptr()) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // One test for both: the states are global, and tests run in parallel.
    #[test]
    fn restored_states_give_the_same_numbers() {
        randomness::fix();
        // SAFETY: functions without preconditions; lcong48 reads seven words.
        let draw = || unsafe { (real::random(), real::rand(), real::lrand48(), real::drand48()) };
        draw();
        for parameters in [None, Some([1, 2, 3, 4, 5, 6, 7])] {
            set_parameters(parameters);
            parameters.inspect(|&parameters| put_drand48([1, 2, 3], Some(parameters)));
            save();
            let first = draw();
            draw();
            mark_random_used();
            mark_drand48_used();
            restore();
            assert_eq!(draw(), first);
            // SAFETY: the same.
            unsafe { (real::srandom(5), real::srand48(7)) };
            set_parameters(None);
            mark_random_used();
            restore();
            assert_eq!(draw(), first);
        }
    }
}
