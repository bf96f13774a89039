//! Polling: calls that find nothing and do not wait. A server that makes only such calls waits, too, though the kernel
//! sees it run.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Consecutive polls without a result after which a server counts as waiting. Event loops also poll while they have
/// work, such as tokio after every 61 tasks.
const MAX_EMPTY_POLLS: u32 = 64;

/// Polls in a row that found nothing, of all threads.
static EMPTY_POLLS: AtomicU32 = AtomicU32::new(0);

/// Records that the server does more than to poll.
pub(crate) fn record_work() {
    EMPTY_POLLS.store(0, Relaxed);
}

/// Records a poll that found nothing. Whether the server now counts as waiting; if so, the count begins again.
pub(super) fn record_empty_poll() -> bool {
    let waits = EMPTY_POLLS.fetch_add(1, Relaxed) + 1 >= MAX_EMPTY_POLLS;
    if waits {
        record_work();
    }
    waits
}
