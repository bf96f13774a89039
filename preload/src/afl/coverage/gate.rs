//! Gate of cmplog's map. Outside iterations, the instrumentation writes to a scratch map, so that AFL++ has no operands
//! of the server's start and warm-up, of background threads between two inputs, or of a waiting spare. (The map is too
//! large to be moved as [`super::counters`] are.)

use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};

use crate::sys::report;

/// Redirects the variable in which the instrumentation finds the map.
#[derive(Debug)]
struct Gate {
    variable: &'static AtomicPtr<u8>,
    map: *mut u8,
    scratch: *mut u8,
}

// SAFETY: the pointers are never dereferenced, only stored in the variable, which is atomic.
unsafe impl Send for Gate {}
// SAFETY: the pointers are never dereferenced, only stored in the variable, which is atomic.
unsafe impl Sync for Gate {}

static GATE: OnceLock<Gate> = OnceLock::new();

/// Builds the gate, which is open at first, if the variable points at a map of this length in bytes. To be called before
/// the forkserver forks: each child has its own copy of the scratch map.
pub(crate) fn build(variable: &'static AtomicPtr<u8>, len: usize) {
    let map = variable.load(Relaxed);
    if !map.is_null()
        && len > 0
        && let Some(scratch) = scratch(len)
    {
        let _ = GATE.set(Gate { variable, map, scratch });
    }
}

/// Closes the gate, at the end of an iteration.
pub(crate) fn close() {
    GATE.get().into_iter().for_each(|gate| gate.turn(gate.map, gate.scratch));
}

/// Opens the gate, at the start of an iteration.
pub(crate) fn open() {
    GATE.get().into_iter().for_each(|gate| gate.turn(gate.scratch, gate.map));
}

impl Gate {
    /// Redirects the variable, unless the server has directed its coverage elsewhere (`__AFL_COVERAGE_OFF`).
    fn turn(&self, from: *mut u8, to: *mut u8) {
        if self.variable.load(Relaxed) == from {
            self.variable.store(to, Relaxed);
        }
    }
}

fn scratch(len: usize) -> Option<*mut u8> {
    let (access, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE | MapFlags::NORESERVE);
    // SAFETY: with a null address the kernel chooses one where nothing is mapped.
    match unsafe { mmap_anonymous(ptr::null_mut(), len, access, flags) } {
        Ok(memory) => Some(memory.cast()),
        Err(error) => {
            report::emit(format_args!(
                "a second map of cmplog cannot be allocated ({error}): going on without its gate"
            ));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gate_leaves_a_redirected_variable_alone() {
        static VARIABLE: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());
        let [mut map, mut scratch, mut elsewhere] = [0_u8; 3];
        let gate = Gate { variable: &VARIABLE, map: &raw mut map, scratch: &raw mut scratch };
        VARIABLE.store(gate.map, Relaxed);
        gate.turn(gate.map, gate.scratch);
        assert_eq!(VARIABLE.load(Relaxed), gate.scratch);
        gate.turn(gate.scratch, gate.map);
        assert_eq!(VARIABLE.load(Relaxed), gate.map);
        VARIABLE.store(&raw mut elsewhere, Relaxed);
        gate.turn(gate.map, gate.scratch);
        assert_eq!(VARIABLE.load(Relaxed), &raw mut elsewhere);
    }
}
