//! Names of cases that other modules refer to.

/// Name of the case that measures AFL++'s loop alone.
pub(super) const EMPTY: &str = "empty/afl";

/// Suffix of the name of a case that crashes once in 100 inputs.
pub(super) const CRASHES: &str = "/crashes";

/// Suffix of the name of a case that is measured with another preload library.
pub(super) const OTHER_LIBRARY: &str = "/against";

/// Suffix of the name of a case that keeps histories.
pub(super) const HISTORIES: &str = "/histories";
