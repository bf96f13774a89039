//! Coverage gate. Outside iterations, the instrumentation writes to a scratch map. So AFL++'s map has no coverage of
//! the server's start and warm-up, of background threads between two inputs, or of a waiting spare.

use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};

use super::super::shm_segments::{self, Segment};
use crate::sys::report;

/// Gate of one map: redirects the variable in which the instrumentation finds the map.
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

/// Gates of the coverage map and of cmplog's map.
static GATES: OnceLock<Vec<Gate>> = OnceLock::new();

/// A map that can be gated.
pub(crate) struct GatedMap {
    pub(crate) variable: &'static AtomicPtr<u8>,
    /// Name of the environment variable that holds the number of the map's segment.
    pub(crate) segment: &'static str,
    /// Minimum number of bytes that the instrumentation may write to.
    pub(crate) len: usize,
}

/// Builds the gates, which are open at first. To be called before the forkserver forks: each child has its own copies
/// of the scratch maps.
pub(crate) fn build(maps: impl Iterator<Item = GatedMap>) {
    let gates = maps.filter_map(|gated| {
        let map = gated.variable.load(Relaxed);
        // AFL++'s segment may be larger than the server's map, and code that is loaded later uses the rest.
        let len = shm_segments::named_by(gated.segment).map_or(0, Segment::len).max(gated.len);
        let scratch = (!map.is_null() && len > 0).then(|| scratch(len)).flatten()?;
        Some(Gate { variable: gated.variable, map, scratch })
    });
    let _ = GATES.set(gates.collect());
}

/// Whether there is a gate.
pub(crate) fn exists() -> bool {
    GATES.get().is_some_and(|gates| !gates.is_empty())
}

/// Closes the gates, at the end of an iteration.
pub(crate) fn close() {
    GATES.get().into_iter().flatten().for_each(|gate| gate.turn(gate.map, gate.scratch));
}

/// Opens the gates, at the start of an iteration.
pub(crate) fn open() {
    GATES.get().into_iter().flatten().for_each(|gate| gate.turn(gate.scratch, gate.map));
}

/// Returns the map that AFL++ reads behind this variable, whether or not its gate is open.
pub(crate) fn map_behind(variable: &AtomicPtr<u8>) -> *mut u8 {
    let gate = GATES.get().into_iter().flatten().find(|gate| ptr::eq(gate.variable, variable));
    gate.map_or_else(|| variable.load(Relaxed), |gate| gate.map)
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
                "a second coverage map cannot be allocated ({error}): going on without the coverage gate"
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
