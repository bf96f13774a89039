//! Event counter (eventfd(2)) that is made on first use: most servers have one thread and need none.

use std::os::fd::{BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};
use std::sync::atomic::{AtomicI32, Ordering::SeqCst};

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::fcntl_dupfd_cloexec;
use sockfuzz_handover::Signal;

use super::{fd, fd_table, report};

/// Counter that threads can wait for in poll(2).
pub(crate) struct Event {
    number: AtomicI32,
}

impl Event {
    pub(crate) const fn new() -> Self {
        Self { number: AtomicI32::new(-1) }
    }

    /// Returns the descriptor to wait for.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'static> {
        self.existing().unwrap_or_else(|| self.make())
    }

    fn existing(&self) -> Option<BorrowedFd<'static>> {
        let number = self.number.load(SeqCst);
        (number >= 0).then(|| fd::borrow(number))
    }

    fn make(&self) -> BorrowedFd<'static> {
        let made = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).unwrap_or_else(|error| {
            report::fatal(format_args!("sockfuzz needs a file descriptor for waiting threads: {error}"))
        });
        // Leaves the low numbers to the server, if the process may have high ones.
        let made = fcntl_dupfd_cloexec(&made, fd_table::FIRST_PROTECTED_FD).unwrap_or(made);
        let number = made.into_raw_fd();
        match self.number.compare_exchange(-1, number, SeqCst, SeqCst) {
            Ok(_) => {
                fd_table::protect(number);
                fd::borrow(number)
            }
            Err(first) => {
                // SAFETY: the descriptor is open and not shared, because another thread has stored its own first.
                drop(unsafe { OwnedFd::from_raw_fd(number) });
                fd::borrow(first)
            }
        }
    }
}

impl Signal for Event {
    fn prepare(&self) {
        let _ = self.descriptor();
    }

    fn signal(&self) {
        if let Some(event) = self.existing() {
            let _ = rustix::io::write(event, &1_u64.to_ne_bytes());
        }
    }

    fn take(&self) {
        if let Some(event) = self.existing() {
            let _ = rustix::io::read(event, &mut [0_u8; 8]);
        }
    }

    fn forget(&self) {
        self.number.store(-1, SeqCst);
    }
}
