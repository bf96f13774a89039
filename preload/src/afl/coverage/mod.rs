//! Coverage map: the gate that decides when the server writes to it, and the coverage already reported.

pub(crate) mod gate;
pub(crate) mod virgin_map;
