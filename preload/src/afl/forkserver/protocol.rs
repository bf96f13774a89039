//! Handshake between a forkserver and an AFL++ tool (AFL++: src/afl-forkserver.c, "The new fork server model"):
//! version, options, and the data that the options announce.

use super::inputs::InputPlace;
use super::pipes;
use crate::afl::Instrumentation;
use crate::sys::report;

/// "AFL" and the version of the protocol (AFL++ types.h: FS_NEW_VERSION_MAX).
const FORKSERVER_VERSION: u32 = 0x4146_4c01;

/// Options of the handshake (types.h: FS_NEW_OPT_*).
mod option {
    /// The size of the coverage map follows.
    pub(super) const MAP_SIZE: u32 = 0x1;
    /// Inputs must be passed in shared memory.
    pub(super) const SHARED_MEMORY_INPUTS: u32 = 0x2;
    /// A dictionary follows.
    pub(super) const DICTIONARY: u32 = 0x800;
}

/// Does the handshake with AFL++, which may send requests afterwards.
pub(super) fn handshake(instrumentation: &Instrumentation, inputs: &InputPlace) {
    pipes::close_on_exec();
    pipes::write_words([FORKSERVER_VERSION]);
    if pipes::read_word() != Some(!FORKSERVER_VERSION) {
        report::fatal(format_args!(
            "this AFL++ tool speaks another protocol than the server's runtime: build and fuzz with the same AFL++"
        ));
    }
    let dictionary = instrumentation.dictionary();
    let mut options = option::MAP_SIZE;
    if inputs.are_in_shared_memory() {
        options |= option::SHARED_MEMORY_INPUTS;
    }
    if !dictionary.is_empty() {
        options |= option::DICTIONARY;
    }
    pipes::write_words([options, instrumentation.map_len() as u32]);
    if !dictionary.is_empty() {
        pipes::write_words([dictionary.len() as u32]);
        pipes::write_bytes(dictionary);
    }
    pipes::write_words([FORKSERVER_VERSION]);
}
