//! State of libc's pseudo-random number generators: rand(3) and random(3), which share one state, and drand48(3).
//!
//! With fixed randomness, every iteration begins with the state at the start of the first counted one, even if the
//! server has drawn numbers since. If a server seeds a generator within an iteration, the seed is used until the end of
//! the iteration. Functions that work on state of the caller (`rand_r`, `erand48`, `random_r`, …) are left alone.

use std::ffi::c_char;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use super::randomness;
use crate::sys::real;

/// Whether the server has used random(3) since its state was saved or restored.
static RANDOM_USED: AtomicBool = AtomicBool::new(false);
/// Whether the server has used drand48(3) since its state was saved or restored.
static DRAND48_USED: AtomicBool = AtomicBool::new(false);
/// Argument of the server's last call of lcong48(3), unless it has seeded drand48(3) in another way since.
static PARAMETERS: Mutex<Option<Parameters>> = Mutex::new(None);
static SAVED: Mutex<Option<SavedStates>> = Mutex::new(None);

/// Parameter of lcong48(3): the number X, the multiplier and the addend.
type Parameters = [u16; 7];
/// X of drand48(3), from which each number is computed.
type Drand48State = [u16; 3];

/// Number of kinds of state in glibc (stdlib/random_r.c: MAX_TYPES). The kind is the first word modulo this number.
const STATE_KINDS: usize = 5;
/// Number of words of each kind, the first word included (BREAK_0 to BREAK_4, in bytes).
const STATE_WORDS: [usize; STATE_KINDS] = [2, 8, 16, 32, 64];

struct SavedStates {
    random: RandomState,
    drand48: Drand48State,
    parameters: Option<Parameters>,
}

/// Copy of the state of random(3).
struct RandomState {
    /// Address of libc's state: in memory of libc, or in memory that the server has passed to initstate(3).
    address: *mut u32,
    words: Vec<u32>,
    /// Another state, of the smallest kind. While libc uses it, the memory of the former state is complete: only then
    /// does it contain the position.
    other: &'static mut [u32; 2],
}

// SAFETY: the address is not tied to a thread: libc uses it in every thread that calls its functions.
unsafe impl Send for RandomState {}

/// Records that the server uses random(3) or rand(3).
pub(crate) fn mark_random_used() {
    RANDOM_USED.store(true, Relaxed);
}

/// Records that the server uses drand48(3).
pub(crate) fn mark_drand48_used() {
    DRAND48_USED.store(true, Relaxed);
}

/// Records the argument of lcong48(3); `None` if the server calls a function that restores the default parameters.
pub(crate) fn set_parameters(parameters: Option<Parameters>) {
    mark_drand48_used();
    *PARAMETERS.lock().unwrap_or_else(PoisonError::into_inner) = parameters;
}

/// Saves the states before the first counted iteration, if randomness is fixed.
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

/// Restores the states that were used since. To be called while no thread of the server runs.
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
        // SAFETY: the memory has this length, and is never freed, so libc may use it for ever.
        let address: *mut u32 =
            unsafe { real::initstate(1, other.as_mut_ptr().cast(), size_of_val(other)) }.cast();
        if address.is_null() {
            return None;
        }
        // SAFETY: the address is that of the first word of the state that libc has used until now.
        let len = STATE_WORDS[unsafe { address.read() } as usize % STATE_KINDS];
        // SAFETY: a state of this kind has this number of words.
        let words = unsafe { std::slice::from_raw_parts(address, len) }.to_vec();
        // SAFETY: setstate(3) requires a complete state: `initstate` has completed this one.
        unsafe { real::setstate(address.cast::<c_char>()) };
        Some(Self { address, words, other })
    }

    /// Restores the words at their address. If another state is in use, the server has passed memory of its own to
    /// libc, and may have freed the old one: then nothing is restored.
    fn restore(&mut self) {
        // SAFETY: setstate(3) requires a complete state: `other` was in use before.
        let used: *mut u32 = unsafe { real::setstate(self.other.as_mut_ptr().cast()) }.cast();
        if used == self.address {
            // SAFETY: `used` is libc's state, which is not in use at this moment. It has room for the words, because it
            // is of the same kind: only initstate(3) changes that, and a server that reuses the memory does not pass
            // less.
            unsafe { ptr::copy_nonoverlapping(self.words.as_ptr(), used, self.words.len()) };
        }
        // SAFETY: setstate(3) requires a complete state: `used` was in use before.
        unsafe { real::setstate(used.cast::<c_char>()) };
    }
}

/// Sets X and the default parameters; returns the previous X.
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
            // SAFETY: functions without preconditions.
            unsafe { (real::srandom(5), real::srand48(7)) };
            set_parameters(None);
            mark_random_used();
            restore();
            assert_eq!(draw(), first);
        }
    }
}
