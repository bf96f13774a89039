//! Compilers and tools of AFL++ with the right flags, runtime and environment (`sockfuzz cc`, `c++`, `cargo`, `afl` and
//! `env`). Among each other, too, these modules import down only, from the last line of this list to the first.

pub mod clang;
pub mod compile_line;

pub mod runtime;

pub mod coverage;
pub mod instrument;
