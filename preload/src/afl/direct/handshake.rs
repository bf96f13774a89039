//! The greeting between a forkserver and an AFL++ tool (AFL++: src/afl-forkserver.c, "The new fork
//! server model"): version, options, and what the options announce.

use std::env;

use super::pipes;
use crate::afl::Runtime;
use crate::report;

/// "AFL" and the version of the protocol (AFL++ types.h: FS_NEW_VERSION_MAX).
const VERSION: u32 = 0x4146_4c01;

/// Options, and what follows them (types.h: FS_NEW_OPT_*).
mod option {
    /// The size of the coverage map follows.
    pub(super) const MAP_SIZE: u32 = 0x1;
    /// Inputs are to come in shared memory.
    pub(super) const SHARED_MEMORY_INPUTS: u32 = 0x2;
    /// A dictionary follows.
    pub(super) const DICTIONARY: u32 = 0x800;
}

/// Where AFL++ says that inputs are (config.h: SHM_FUZZ_ENV_VAR).
const INPUT_MEMORY_VARIABLE: &str = "__AFL_SHM_FUZZ_ID";

/// The System V shared memory in which AFL++ puts inputs.
#[derive(Debug, Clone, Copy)]
pub(in crate::afl) struct InputMemory(i32);

/// Whether this runtime and the tool above it understand what this loop speaks. (A tool that keeps
/// inputs in POSIX shared memory gives a name instead of a number.)
pub(in crate::afl) fn is_possible(runtime: &Runtime) -> Option<InputMemory> {
    let id = env::var(INPUT_MEMORY_VARIABLE).ok()?.parse().ok()?;
    runtime.speaks_current_protocol().then_some(InputMemory(id))
}

impl InputMemory {
    /// Maps it, for good.
    fn map(self) -> Option<*const u32> {
        // SAFETY: a new mapping at an address of the kernel's choice.
        let address = unsafe { libc::shmat(self.0, std::ptr::null(), libc::SHM_RDONLY) };
        (address.addr() != usize::MAX).then_some(address.cast_const().cast())
    }
}

/// Greets AFL++; returns when it may send requests.
pub(super) fn run(runtime: &Runtime, inputs: InputMemory) {
    pipes::close_on_exec();
    pipes::write_words([VERSION]);
    if pipes::read_word() != Some(!VERSION) {
        report::fatal(format_args!(
            "this AFL++ tool speaks another protocol than the server was built for: build and fuzz with one AFL++"
        ));
    }
    let dictionary = runtime.dictionary();
    let mut options = option::MAP_SIZE | option::SHARED_MEMORY_INPUTS;
    if !dictionary.is_empty() {
        options |= option::DICTIONARY;
    }
    pipes::write_words([options, runtime.map_len() as u32]);
    if !dictionary.is_empty() {
        pipes::write_words([dictionary.len() as u32]);
        pipes::write_bytes(dictionary);
    }
    pipes::write_words([VERSION]);

    let Some(memory) = inputs.map() else {
        report::fatal(format_args!(
            "the memory in which AFL++ puts inputs cannot be mapped: {}",
            std::io::Error::last_os_error()
        ))
    };
    // SAFETY: AFL++'s memory has a length, then the input's bytes (AFL++: SHMEM_FUZZ).
    unsafe { runtime.set_input(memory) };
}
