//! Bytes that the server has written to a client that reads them. Most clients do not: an answer is recorded where the server
//! writes it.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::sys::fd_table::Slot;
use crate::sys::spin_lock::SpinLock;

/// Bytes that wait for a client; what a server writes beyond them is lost, as it answers without an end.
const MAX_BYTES: usize = 16 << 20;

static READ: [AtomicBool; Slot::COUNT] = [const { AtomicBool::new(false) }; Slot::COUNT];
static BYTES: [SpinLock<Vec<u8>>; Slot::COUNT] = [const { SpinLock::new(Vec::new()) }; Slot::COUNT];

/// Begins a connection, whose client reads what the server writes or does not.
pub(super) fn begin(slot: Slot, reads: bool) {
    if READ[slot.index()].swap(reads, Relaxed) || reads {
        BYTES[slot.index()].with(Vec::clear);
    }
}

/// Whether the client reads what the server writes.
pub(super) fn are_read(slot: Slot) -> bool {
    READ[slot.index()].load(Relaxed)
}

/// Adds what the server has written.
pub(super) fn add(slot: Slot, piece: &[u8]) {
    BYTES[slot.index()].with(|bytes| {
        let room = MAX_BYTES - bytes.len();
        bytes.extend_from_slice(&piece[..piece.len().min(room)]);
    });
}

/// Moves the bytes into `buffer`, which is emptied first. If the client does not read, there are none.
pub(crate) fn take_written(slot: Slot, buffer: &mut Vec<u8>) {
    buffer.clear();
    if are_read(slot) {
        BYTES[slot.index()].with(|bytes| std::mem::swap(bytes, buffer));
    }
}

/// Releases the locks in a forked child: the thread that held one may not exist there.
pub(super) fn reset_after_fork() {
    BYTES.iter().for_each(SpinLock::reset_after_fork);
}
