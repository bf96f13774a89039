//! Output of the preload: messages on the server's original stderr, and the status page for the program
//! that started the server.

use std::fmt::{self, Write as _};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use sockfuzz_protocol::{StatusPage, specs};
use syscalls::{Sysno, syscall};

use super::planned_end::{self, PlannedEnd};
use super::{seccomp, shared_file, stdio};

/// Exit status when sockfuzz itself cannot go on (sysexits.h: EX_UNAVAILABLE).
pub(super) const EXIT_UNAVAILABLE: i32 = 69;

/// Prints one line without allocating, because this may run anywhere in the server.
pub(crate) fn emit(message: fmt::Arguments<'_>) {
    let mut line = MessageBuffer { bytes: [0; 1024], len: 0 };
    let _ = write!(line, "sockfuzz: {message}");
    line.end();
    let _ = rustix::io::write(stdio::error(), &line.bytes[..line.len]);
}

/// Prints one line and ends the process. Prints another line if the server itself may be the cause.
pub(crate) fn fatal(message: fmt::Arguments<'_>) -> ! {
    emit(message);
    if seccomp::is_added() {
        emit(format_args!("{}", seccomp::REMEDY));
    }
    exit(EXIT_UNAVAILABLE)
}

/// Ends the process, as planned, without running the server's exit handlers.
pub(crate) fn exit(status: i32) -> ! {
    planned_end::announce(PlannedEnd::Regular);
    // libc's `_exit` would call the preload's own hook.
    loop {
        // SAFETY: exit_group(2) takes a number and has no precondition.
        let _never_returns = unsafe { syscall!(Sysno::exit_group, status) };
    }
}

struct MessageBuffer {
    bytes: [u8; 1024],
    len: usize,
}

impl MessageBuffer {
    fn end(&mut self) {
        self.len = self.len.min(self.bytes.len() - 1);
        self.bytes[self.len] = b'\n';
        self.len += 1;
    }
}

impl fmt::Write for MessageBuffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.bytes.len() - self.len;
        let taken = text.len().min(room);
        self.bytes[self.len..self.len + taken].copy_from_slice(&text.as_bytes()[..taken]);
        self.len += taken;
        Ok(())
    }
}

/// Status page that is used while there is no observer.
static PRIVATE_PAGE: StatusPage = StatusPage::new();
static SHARED_PAGE: AtomicPtr<StatusPage> = AtomicPtr::new(ptr::null_mut());

/// Returns the status page of this run.
pub(crate) fn status() -> &'static StatusPage {
    // SAFETY: the pointer is null or points at a mapping that is never removed.
    unsafe { SHARED_PAGE.load(Ordering::Acquire).as_ref() }.unwrap_or(&PRIVATE_PAGE)
}

/// Whether an observer reads the status page.
pub(crate) fn is_observed() -> bool {
    !SHARED_PAGE.load(Ordering::Acquire).is_null()
}

/// Moves the status page into `file`, which an observer has made.
pub(crate) fn share_status(file: &str) {
    match shared_file::map(file, StatusPage::FILE_SIZE, &specs::STATUS) {
        Ok(page) => SHARED_PAGE.store(page.cast(), Ordering::Release),
        Err(error) => {
            emit(format_args!("the status page {file} cannot be used ({error}); going on without it"));
        }
    }
}
