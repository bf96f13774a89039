//! Patcher: changes the server's code in memory, before it runs. Nothing is guessed: code is decoded from the beginning of
//! each function, and what does not look exactly as expected stays as it is.
//!
//! What depends on the processor is in one file for each, behind [`Architecture`].

mod functions;
#[cfg(not(target_arch = "x86_64"))]
mod other;
mod text;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use std::ops::Range;

pub(crate) use functions::FunctionRanges;
pub(crate) use text::write;

/// The processor of this machine.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) type Processor = other::Other;
/// The processor of this machine.
#[cfg(target_arch = "x86_64")]
pub(crate) type Processor = x86_64::X86_64;

/// Call of a function with the address of a constant place as its only argument, in two instructions without anything
/// between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CallSite {
    /// The instruction that loads the argument, and the call.
    pub(crate) code: Range<usize>,
    /// Length of the first instruction, in bytes.
    pub(crate) loads: usize,
    /// The argument.
    pub(crate) argument: usize,
}

/// Function whose calls are looked for.
pub(crate) struct Callee<'a> {
    pub(crate) address: usize,
    /// Range of the arguments that matter.
    pub(crate) arguments: Range<usize>,
    /// Returns the address that is stored at an address, if that can be read and does not change.
    pub(crate) stored_at: &'a dyn Fn(usize) -> Option<usize>,
}

/// What the patcher must know about a processor.
pub(crate) trait Architecture {
    /// Whether an instruction can increment a counter whose address it names.
    const INCREMENTS_IN_PLACE: bool;

    /// Adds the calls of `callee` in a function that can be replaced to `sites`, and returns the number of all its calls.
    /// `code` is the function's code, which runs at `address`.
    fn find_calls(code: &[u8], address: usize, callee: &Callee<'_>, sites: &mut Vec<CallSite>) -> usize;

    /// Returns the code for a call site that increments the byte at `counter` instead, as the callee would.
    fn increment(site: &CallSite, counter: u32) -> Vec<u8>;
}
