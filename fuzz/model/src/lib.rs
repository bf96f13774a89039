//! Inputs as structure, down to the last byte.

pub mod http2;
