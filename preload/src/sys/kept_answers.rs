//! Answers that are kept while a session with references to earlier answers plays. Any thread of the server may answer.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use sockfuzz_protocol::references::{self, EarlierAnswers};
use sockfuzz_protocol::session::Connection;

use super::spin_lock::SpinLock;

static WANTED: AtomicBool = AtomicBool::new(false);
static ANSWERS: SpinLock<EarlierAnswers> = SpinLock::new(EarlierAnswers::new());

/// Begins a session; answers are kept if it may have references.
pub(crate) fn begin(has_references: bool) {
    WANTED.store(has_references, SeqCst);
    if has_references {
        ANSWERS.with(EarlierAnswers::clear);
    }
}

/// Whether answers are kept.
pub(crate) fn are_wanted() -> bool {
    WANTED.load(SeqCst)
}

/// Keeps a piece of an answer, if answers are kept.
pub(crate) fn add(connection: Connection, piece: &[u8]) {
    if are_wanted() {
        ANSWERS.with(|answers| answers.add(connection, piece));
    }
}

/// Begins a step that sends: the answers that have come until now get their numbers. Appends the chunk to `filled`, with
/// values in the place of its references.
pub(crate) fn fill(chunk: &[u8], filled: &mut Vec<u8>) {
    ANSWERS.with(|answers| {
        answers.end_step();
        references::fill(chunk, answers, filled);
    });
}

/// Releases the lock in a forked child: the thread that held it may not exist there.
pub(crate) fn reset_after_fork() {
    ANSWERS.reset_after_fork();
}
