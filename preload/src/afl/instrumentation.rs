//! Source of AFL++'s feedback: the runtime that the compiler has linked to the server, or, for a server without one,
//! its answers.

use std::slice;
use std::sync::atomic::AtomicPtr;

use super::coverage::gate::{self, GatedMap};
use super::response_map::ResponseMap;
use super::runtime::Runtime;
use super::shm_segments::{CMPLOG_SHM_VARIABLE, COVERAGE_SHM_VARIABLE, MAX_INPUT_BYTES};
use crate::sys::config::RunMode;
use crate::sys::report;

/// Source of the coverage map's content.
#[derive(Debug)]
pub(crate) enum Instrumentation {
    /// AFL++'s runtime in the server's executable.
    Runtime(Runtime),
    /// No instrumentation: the preload marks traits of the answers in the map.
    Responses(ResponseMap),
}

impl Instrumentation {
    /// Finds the source. To be called before the server's constructors. `None` if there is no runtime, unless this is
    /// the loop and AFL++ has a coverage map.
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

    /// Whether loop `direct` can replace this server's own forkserver.
    pub(super) fn speaks_current_protocol(&self) -> bool {
        match self {
            Self::Runtime(runtime) => runtime.speaks_current_protocol(),
            Self::Responses(_) => true,
        }
    }

    /// Returns the dictionary that the compiler has made.
    pub(super) fn dictionary(&self) -> &[u8] {
        match self {
            Self::Runtime(runtime) => runtime.dictionary(),
            Self::Responses(_) => &[],
        }
    }

    /// Sets the address of inputs.
    ///
    /// # Safety
    /// `shared` must point to memory that is never unmapped and holds an input: a length, then as many bytes.
    pub(super) unsafe fn set_input(&self, shared: *const u32) {
        // SAFETY: both functions require the same of `shared` as this one, so the caller guarantees it.
        unsafe {
            match self {
                Self::Runtime(runtime) => runtime.set_input(shared),
                Self::Responses(map) => map.set_input(shared),
            }
        }
    }

    /// Returns the current input.
    pub(crate) fn input(&self) -> &[u8] {
        match self {
            Self::Runtime(runtime) => runtime.input(),
            Self::Responses(map) => map.input(MAX_INPUT_BYTES),
        }
    }

    /// Builds the gates of its maps, if they can have any.
    pub(crate) fn build_gate(&'static self) {
        if let Self::Runtime(runtime) = self
            && runtime.has_fixed_map()
        {
            report::emit(format_args!(
                "the coverage map has a fixed address (AFL++'s LTO mode): it cannot be gated, and there is no \
                 spare process"
            ));
            return;
        }
        let coverage =
            GatedMap { variable: self.map_variable(), segment: COVERAGE_SHM_VARIABLE, len: self.map_len() };
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

    /// Returns the variable in which the instrumentation finds the map.
    fn map_variable(&self) -> &AtomicPtr<u8> {
        match self {
            Self::Runtime(runtime) => runtime.area_ptr(),
            Self::Responses(map) => map.variable(),
        }
    }

    /// Returns the length of the coverage map in bytes.
    pub(crate) fn map_len(&self) -> usize {
        self.map().len()
    }

    /// Returns the coverage map of the iteration that has just ended.
    pub(crate) fn coverage(&self) -> &[u8] {
        // SAFETY: the map is mapped with this length, and nothing writes to it, because the server is idle.
        unsafe { &*self.map() }
    }

    /// Returns the coverage map of an iteration of another process, which has ended: also while the gate of this one is closed.
    pub(crate) fn coverage_of_child(&self) -> &[u8] {
        let map = gate::map_behind(self.map_variable());
        // SAFETY: the map is mapped with this length, and nothing writes to it, because AFL++ waits for the verdict.
        unsafe { slice::from_raw_parts(map, self.map_len()) }
    }

    /// Empties the coverage map.
    pub(crate) fn clear_coverage(&self) {
        // SAFETY: the map is mapped with this length, and nothing else accesses it, because the server is idle.
        unsafe { &mut *self.map() }.fill(0);
        self.mark_coverage();
    }

    /// Sets the map's first byte: AFL++ takes a server with an empty map for one without instrumentation.
    pub(crate) fn mark_coverage(&self) {
        // SAFETY: the first byte can be written, because the map is never empty.
        unsafe { self.map().cast::<u8>().write(1) }
    }
}
