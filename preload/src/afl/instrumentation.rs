//! What tells AFL++ how an input went: the runtime that the compiler has linked to the server, or,
//! for a server that has none, its answers.

use crate::report;
use crate::setup::Pace;

use super::gate::{self, Gated};
use super::own_map::{self, OwnMap};
use super::runtime::Runtime;

/// Largest input that AFL++ hands over (config.h: MAX_FILE), in bytes.
pub(super) const MAX_INPUT: usize = 1 << 20;

/// Variable in which AFL++ tells the number of cmplog's map (config.h: CMPLOG_SHM_ENV_VAR).
const CMPLOG_VARIABLE: &str = "__AFL_CMPLOG_SHM_ID";

/// The source of the coverage map's content.
#[derive(Debug)]
pub(crate) enum Instrumentation {
    /// AFL++'s runtime in the server's executable.
    Runtime(Runtime),
    /// None: traits of the answers are marked in a map of our own.
    Answers(OwnMap),
}

impl Instrumentation {
    /// Called before the server's constructors. `None` where there is neither a runtime nor a loop.
    pub(super) fn find(pace: Pace) -> Option<Self> {
        let Some((runtime, found)) = Runtime::find() else {
            return (pace == Pace::Loop).then(OwnMap::attach).flatten().map(Self::Answers);
        };
        report::status().set_runtime(found);
        if pace == Pace::Loop {
            runtime.ask_for_shared_memory_inputs();
        }
        Some(Self::Runtime(runtime))
    }

    /// Whether loop `direct` can stand in for this server's own forkserver.
    pub(super) fn speaks_current_protocol(&self) -> bool {
        match self {
            Self::Runtime(runtime) => runtime.speaks_current_protocol(),
            Self::Answers(_) => true,
        }
    }

    /// Words worth trying that the compiler has found.
    pub(super) fn dictionary(&self) -> &[u8] {
        match self {
            Self::Runtime(runtime) => runtime.dictionary(),
            Self::Answers(_) => &[],
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
                Self::Answers(map) => map.set_input(shared),
            }
        }
    }

    /// The current input.
    pub(crate) fn input(&self) -> &[u8] {
        match self {
            Self::Runtime(runtime) => runtime.input(),
            Self::Answers(map) => map.input(MAX_INPUT),
        }
    }

    /// Builds the gate of its maps, where they can have one.
    pub(super) fn build_gate(&'static self) {
        let coverage = match self {
            Self::Runtime(runtime) if runtime.has_fixed_map() => {
                report::say(format_args!(
                    "the coverage map has a fixed address (AFL++'s LTO mode): it cannot be gated, and there is no \
                     spare process"
                ));
                return;
            }
            Self::Runtime(runtime) => runtime.area_ptr(),
            Self::Answers(map) => map.variable(),
        };
        let coverage = Gated { variable: coverage, segment: own_map::VARIABLE, len: self.map_len() };
        let cmplog = match self {
            Self::Runtime(runtime) => runtime.cmp_map(),
            Self::Answers(_) => None,
        };
        let cmplog = cmplog.map(|variable| Gated { variable, segment: CMPLOG_VARIABLE, len: 0 });
        gate::build([coverage].into_iter().chain(cmplog));
    }

    fn map(&self) -> *mut [u8] {
        match self {
            Self::Runtime(runtime) => runtime.map(),
            Self::Answers(map) => map.bytes(),
        }
    }

    /// Length of the coverage map, in bytes.
    pub(super) fn map_len(&self) -> usize {
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
    pub(super) fn mark_coverage(&self) {
        // SAFETY: the map is never empty.
        unsafe { self.map().cast::<u8>().write(1) }
    }
}
