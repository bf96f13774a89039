//! GatedMap coverage: outside iterations the instrumentation writes to a map that nobody looks at. What
//! a server does while it starts and warms up, what its background threads do between two inputs, and
//! all that a waiting successor does leaves no trace in AFL++'s map.

use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};

use super::super::shm_segments::{self, Segment};
use crate::sys::report;

/// A map, and the variable by which the instrumentation finds it.
#[derive(Debug)]
struct Gate {
    variable: &'static AtomicPtr<u8>,
    map: *mut u8,
    scratch: *mut u8,
}

// SAFETY: the addresses are only ever stored in the variable.
unsafe impl Send for Gate {}
// SAFETY: as above.
unsafe impl Sync for Gate {}

/// That of the coverage map, and that of cmplog's.
static GATES: OnceLock<Vec<Gate>> = OnceLock::new();

/// A map that can be gated.
pub(crate) struct GatedMap {
    pub(crate) variable: &'static AtomicPtr<u8>,
    /// Name of the environment variable that tells the map's segment.
    pub(crate) segment: &'static str,
    /// Bytes that the instrumentation may write to, at least.
    pub(crate) len: usize,
}

/// Builds gates, open. They share nothing with other processes, so they are to be built before the
/// forkserver forks.
pub(crate) fn build(maps: impl Iterator<Item = GatedMap>) {
    let gates = maps.filter_map(|gated| {
        let map = gated.variable.load(Relaxed);
        // AFL++ gives more room than the server asks for, and code that is loaded later uses it.
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

/// Outside iterations.
pub(crate) fn close() {
    GATES.get().into_iter().flatten().for_each(|gate| gate.turn(gate.map, gate.scratch));
}

/// During an iteration.
pub(crate) fn open() {
    GATES.get().into_iter().flatten().for_each(|gate| gate.turn(gate.scratch, gate.map));
}

impl Gate {
    /// A server that directs its coverage elsewhere (`__AFL_COVERAGE_OFF`) is left alone.
    fn turn(&self, from: *mut u8, to: *mut u8) {
        if self.variable.load(Relaxed) == from {
            self.variable.store(to, Relaxed);
        }
    }
}

fn scratch(len: usize) -> Option<*mut u8> {
    let (access, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE | MapFlags::NORESERVE);
    // SAFETY: a new mapping at an address of the kernel's choice.
    match unsafe { mmap_anonymous(ptr::null_mut(), len, access, flags) } {
        Ok(memory) => Some(memory.cast()),
        Err(error) => {
            report::emit(format_args!(
                "there is no memory for a second coverage map ({error}): going on ungated"
            ));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_only_turns_what_stands_as_it_left_it() {
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
