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

/// Call of the function that counts an edge, with the address of a guard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CountingCall {
    /// The instruction that loads the guard's address.
    pub(crate) load: usize,
    /// The call. Between the two is nothing that would notice an increment in the place of the first one.
    pub(crate) call: Range<usize>,
    /// Address of the guard.
    pub(crate) guard: usize,
}

/// Functions that the compiler has inserted calls of.
pub(crate) struct Callbacks<'a> {
    /// The function that counts an edge.
    pub(crate) counting: usize,
    /// Addresses of the guards of its callers.
    pub(crate) guards: Range<usize>,
    /// Functions that have no effect.
    pub(crate) idle: &'a [usize],
    /// Returns the address that is stored at an address, if that can be read and does not change.
    pub(crate) stored_at: &'a dyn Fn(usize) -> Option<usize>,
}

/// Calls of the callbacks.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct CallbackCalls {
    /// Calls that count an edge and can be replaced.
    pub(crate) counting: Vec<CountingCall>,
    /// Number of all calls that count an edge.
    pub(crate) counted_edges: usize,
    /// Calls of functions without an effect.
    pub(crate) idle: Vec<Range<usize>>,
}

/// What the patcher must know about a processor.
pub(crate) trait Architecture {
    /// Whether an instruction can increment a counter whose address it names.
    const INCREMENTS_IN_PLACE: bool;

    /// Adds the calls in a function to `found`. `code` is the function's code, which runs at `address`.
    fn find_calls(code: &[u8], address: usize, callbacks: &Callbacks<'_>, found: &mut CallbackCalls);

    /// Returns the instruction that increments the byte at `counter`: in the place of the one that loads a guard.
    fn increment(counter: u32) -> Vec<u8>;

    /// Returns an instruction without an effect: in the place of a call of this length in bytes.
    fn nothing(len: usize) -> &'static [u8];
}
