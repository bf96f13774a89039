//! Source of AFL++'s feedback: the runtime that the compiler has linked to the server, or, for a server without one,
//! its answers.

use std::ptr;

use super::coverage::blocks::TouchedBlocks;
use super::coverage::{counters, gate};
use super::inline_counters;
use super::response_map::ResponseMap;
use super::runtime::Runtime;
use super::shm_segments::{self, CMPLOG_SHM_VARIABLE, COVERAGE_SHM_VARIABLE, MAX_INPUT_BYTES, Segment};
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

    /// Keeps AFL++ from seeing what runs outside of iterations, if that is possible.
    pub(crate) fn build_gate(&'static self) {
        let counters_len = |len: usize| {
            // AFL++'s segment may be larger than the server's map, and code that is loaded later uses the rest.
            shm_segments::named_by(COVERAGE_SHM_VARIABLE).map_or(0, Segment::len).max(len)
        };
        match self {
            Self::Runtime(runtime) if runtime.has_fixed_map() => report::emit(format_args!(
                "the coverage map has a fixed address (AFL++'s LTO mode): it cannot be gated, and there is no \
                 spare process"
            )),
            Self::Runtime(runtime) => {
                counters::build(runtime.area_ptrs(), counters_len(self.map_len()));
                inline_counters::install(runtime);
                if let Some(variable) = runtime.cmp_map() {
                    gate::build(
                        variable,
                        shm_segments::named_by(CMPLOG_SHM_VARIABLE).map_or(0, Segment::len),
                    );
                }
            }
            Self::Responses(map) => {
                counters::build([map.variable()].into_iter(), counters_len(self.map_len()))
            }
        }
    }

    /// Returns AFL++'s map.
    fn map(&self) -> *mut [u8] {
        let instrumented = match self {
            Self::Runtime(runtime) => runtime.map(),
            Self::Responses(map) => map.bytes(),
        };
        match counters::map() {
            Some(map) => ptr::slice_from_raw_parts_mut(map, instrumented.len()),
            None => instrumented,
        }
    }

    /// Returns the length of the coverage map in bytes.
    pub(crate) fn map_len(&self) -> usize {
        self.map().len()
    }

    /// Returns AFL++'s map: the coverage of an iteration that has ended and is delivered.
    pub(crate) fn coverage(&self) -> &[u8] {
        // SAFETY: the map is mapped with this length, and nothing writes to it, because the server is idle, or AFL++ waits
        // for the verdict on it.
        unsafe { &*self.map() }
    }

    /// Moves the counts of an iteration that is over to AFL++'s map, and finds the blocks that are not empty.
    pub(crate) fn deliver_coverage(&self, touched: &mut TouchedBlocks) {
        if !counters::deliver(self.map_len(), touched) {
            touched.find(self.coverage());
        }
    }

    /// In the forkserver: does the same for the child in this place, which has died.
    pub(super) fn deliver_coverage_of(&self, place: usize) {
        counters::deliver_of(place, self.map_len());
        self.mark_coverage();
    }

    /// Forgets what the server has run outside of iterations.
    pub(crate) fn discard_coverage(&self) {
        counters::discard(self.map_len());
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
