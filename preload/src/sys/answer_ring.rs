//! Ring of answers for the mutator (see [`AnswerRing`]), if it has made one.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering::Acquire, Ordering::Release};

use sockfuzz_protocol::{AnswerRing, specs};

use super::{report, shared_file};

static RING: AtomicPtr<AnswerRing> = AtomicPtr::new(ptr::null_mut());

/// Maps the ring in `file`. All processes of the server share it.
pub(crate) fn share(file: &str) {
    match shared_file::map(file, AnswerRing::FILE_SIZE, &specs::ANSWER_RING) {
        Ok(ring) => RING.store(ring.cast(), Release),
        Err(error) => {
            report::emit(format_args!(
                "the mutator learns nothing of answers: {file} cannot be used ({error})"
            ));
        }
    }
}

/// Writes an answer, or a part of one, to the ring. Through memory, the driver passes no bytes, because the server's write
/// has passed them before.
pub(crate) fn write<'a>(parts: impl Iterator<Item = &'a [u8]> + Clone) {
    let parts = parts.filter(|part| !part.is_empty());
    if parts.clone().next().is_none() {
        return;
    }
    // SAFETY: the pointer is null or points at a mapping of the ring's size, which is never removed.
    if let Some(ring) = unsafe { RING.load(Acquire).as_ref() } {
        ring.write(parts);
    }
}
