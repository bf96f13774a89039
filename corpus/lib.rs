//! Seeds, sessions and the dictionary of sockfuzz. The package holds files only; `sockfuzz` packs them at build time.
//!
//! # Example
//!
//! ```text
//! $ sockfuzz session show corpus/sessions
//! ```
