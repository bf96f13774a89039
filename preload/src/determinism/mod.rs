//! Deterministic replacements for sources of noise: time, randomness, scheduling.

pub(crate) mod clock;
pub(crate) mod hash_keys;
pub(crate) mod pseudo_random;
pub(crate) mod randomness;
pub(crate) mod scheduling;
