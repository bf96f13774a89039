//! Coverage: the counters that the server's instrumentation increments, the gate of cmplog's map, and the coverage
//! already reported.

pub(crate) mod blocks;
pub(crate) mod counters;
pub(crate) mod gate;
pub(crate) mod virgin_map;
