//! What tells AFL++ how an input went: the runtime that the compiler has linked to the server, or,
//! for a server that has none, its answers.

use super::coverage::gate::{self, GatedMap};
use super::response_map::ResponseMap;
use super::runtime::Runtime;
use super::shm_segments::{CMPLOG_SHM_VARIABLE, COVERAGE_SHM_VARIABLE, MAX_INPUT_BYTES};
use crate::sys::config::RunMode;
use crate::sys::report;

/// The source of the coverage map's content.
#[derive(Debug)]
pub(crate) enum Instrumentation {
    /// AFL++'s runtime in the server's executable.
    Runtime(Runtime),
    /// None: traits of the answers are marked in a map of our own.
    Responses(ResponseMap),
}

impl Instrumentation {
    /// Called before the server's constructors. `None` where there is neither a runtime nor a loop.
    pub(super) fn find(run_mode: RunMode) -> Option<Self> {
        let Some((runtime, found)) = Runtime::find() else {
            return (run_mode == RunMode::Loop).then(ResponseMap::find).flatten().map(Self::Responses);
        };
        report::status().set_runtime(found);
        if run_mode == RunMode::Loop {
            runtime.ask_for_shared_memory_inputs();
        }
        Some(Self::Runtime(runtime))
    }

    /// Whether loop `direct` can stand in for this server's own forkserver.
    pub(super) fn speaks_current_protocol(&self) -> bool {
        match self {
            Self::Runtime(runtime) => runtime.speaks_current_protocol(),
            Self::Responses(_) => true,
        }
    }

    /// Words worth trying that the compiler has found.
    pub(super) fn dictionary(&self) -> &[u8] {
        match self {
            Self::Runtime(runtime) => runtime.dictionary(),
            Self::Responses(_) => &[],
        }
    }

    /// Says where inputs are.
    ///
    /// # Safety
    /// `shared` is AFL++'s memory for inputs, mapped for good: a length, then as many bytes.
    pub(super) unsafe fn set_input(&self, shared: *const u32) {
        // SAFETY: as the caller says.
        unsafe {
            match self {
                Self::Runtime(runtime) => runtime.set_input(shared),
                Self::Responses(map) => map.set_input(shared),
            }
        }
    }

    /// The current input.
    pub(crate) fn input(&self) -> &[u8] {
        match self {
            Self::Runtime(runtime) => runtime.input(),
            Self::Responses(map) => map.input(MAX_INPUT_BYTES),
        }
    }

    /// Builds the gate of its maps, where they can have one.
    pub(crate) fn build_gate(&'static self) {
        let coverage = match self {
            Self::Runtime(runtime) if runtime.has_fixed_map() => {
                report::emit(format_args!(
                    "the coverage map has a fixed address (AFL++'s LTO mode): it cannot be gated, and there is no \
                     spare process"
                ));
                return;
            }
            Self::Runtime(runtime) => runtime.area_ptr(),
            Self::Responses(map) => map.variable(),
        };
        let coverage = GatedMap { variable: coverage, segment: COVERAGE_SHM_VARIABLE, len: self.map_len() };
        let cmplog = match self {
            Self::Runtime(runtime) => runtime.cmp_map(),
            Self::Responses(_) => None,
        };
        let cmplog = cmplog.map(|variable| GatedMap { variable, segment: CMPLOG_SHM_VARIABLE, len: 0 });
        gate::build([coverage].into_iter().chain(cmplog));
    }

    fn map(&self) -> *mut [u8] {
        match self {
            Self::Runtime(runtime) => runtime.map(),
            Self::Responses(map) => map.bytes(),
        }
    }

    /// Length of the coverage map, in bytes.
    pub(crate) fn map_len(&self) -> usize {
        self.map().len()
    }

    /// The coverage map of the iteration that has just ended.
    pub(crate) fn coverage(&self) -> &[u8] {
        // SAFETY: the map has this length; the server is idle, so nothing writes to it.
        unsafe { &*self.map() }
    }

    /// Empties the coverage map.
    pub(crate) fn clear_coverage(&self) {
        // SAFETY: as in `coverage`.
        unsafe { &mut *self.map() }.fill(0);
        self.mark_coverage();
    }

    /// Sets the map's first byte, by which AFL++ knows that the server is instrumented.
    pub(crate) fn mark_coverage(&self) {
        // SAFETY: the map is never empty.
        unsafe { self.map().cast::<u8>().write(1) }
    }
}
