//! The coverage map: when the server may write to it, and what of it was reported before.

pub(crate) mod gate;
pub(crate) mod virgin_map;
