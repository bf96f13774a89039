//! The standard descriptors that the process was started with, kept where the server does not
//! find them: servers put /dev/null over 0 and move 1 and 2 into log files.

use std::os::fd::{BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use sockfuzz_protocol::session::Connection;
use sockfuzz_protocol::{AnswerFormat, Phase, answers};

use crate::exports::real;
use crate::{descriptors, report, setup};

/// Tells a process below this one (a wrapper script's `exec`, a CGI program) that the descriptors
/// were taken, and where they are.
pub(crate) const TAKEN_VARIABLE: &str = "SOCKFUZZ_STDIO";

static INPUT: AtomicI32 = AtomicI32::new(-1);
static OUTPUT: AtomicI32 = AtomicI32::new(-1);
static ERROR: AtomicI32 = AtomicI32::new(2);

/// Keeps copies of the three standard descriptors, so that a wrapper script may start the server.
pub(crate) fn keep() {
    for (slot, fd) in [(&INPUT, 0), (&OUTPUT, 1), (&ERROR, 2)] {
        // SAFETY: the number is only duplicated; a closed one gives EBADF.
        let standard = unsafe { BorrowedFd::borrow_raw(fd) };
        if let Ok(copy) = keep_across_exec(standard) {
            slot.store(copy, Relaxed);
        }
    }
}

/// Keeps a copy of a descriptor for this process and for the programs that it turns into.
pub(crate) fn keep_across_exec(fd: BorrowedFd<'_>) -> Result<RawFd, Errno> {
    let copy = rustix::io::fcntl_dupfd_cloexec(fd, descriptors::FIRST_KEPT)?;
    rustix::io::fcntl_setfd(&copy, rustix::io::FdFlags::empty())?;
    let copy = copy.into_raw_fd();
    descriptors::keep(copy);
    Ok(copy)
}

/// Takes stdin and stdout away from the server: what it reads is empty, what it prints goes to
/// stderr, so that nothing but the answer reaches stdout.
pub(crate) fn hide_from_server() {
    if let Ok(null) = rustix::fs::open(c"/dev/null", OFlags::RDWR, Mode::empty()) {
        put_at(&null, 0);
        if error_is_open() {
            put_at(error(), 1);
        } else {
            put_at(&null, 1);
        }
    }
}

/// The three numbers, as text for [`TAKEN_VARIABLE`].
pub(crate) fn to_text() -> String {
    [&INPUT, &OUTPUT, &ERROR].map(|slot| slot.load(Relaxed).to_string()).join(",")
}

/// Adopts the numbers that a process above this one has written down.
pub(crate) fn adopt(text: &str) {
    for (slot, number) in [&INPUT, &OUTPUT, &ERROR].into_iter().zip(text.split(',')) {
        let number = number.parse().unwrap_or(-1);
        descriptors::keep(number);
        slot.store(number, Relaxed);
    }
}

/// The original stdin; `None` when it was closed.
pub(crate) fn input() -> Option<BorrowedFd<'static>> {
    borrow(&INPUT)
}

/// The original stdout; `None` when it was closed.
pub(crate) fn output() -> Option<BorrowedFd<'static>> {
    borrow(&OUTPUT)
}

/// Writes a piece of an answer to the original stdout. Nothing is held back until another connection's
/// answer is complete: the server may die at any moment.
pub(crate) fn answer(connection: Connection, piece: &[u8]) {
    if setup::get().is_some_and(|setup| setup.options.answers == AnswerFormat::Pieces) {
        write(&answers::header(connection, piece.len()));
    }
    write(piece);
}

fn write(mut answer: &[u8]) {
    let Some(output) = output() else { return };
    let mask = hold_back_sigpipe();
    while !answer.is_empty() {
        match rustix::io::write(output, answer) {
            Ok(count) => answer = &answer[count..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let _ = poll(&mut [PollFd::from_borrowed_fd(output, PollFlags::OUT)], None);
            }
            // Nobody reads on: like any filter, end quietly.
            Err(Errno::PIPE) => {
                report::status().reach(Phase::Finished);
                report::exit(0);
            }
            Err(error) => report::fatal(format_args!("writing the answer to stdout failed: {error}")),
        }
    }
    // SAFETY: the thread's mask from before. No SIGPIPE is pending: `PIPE` has ended the process.
    unsafe { real::pthread_sigmask(libc::SIG_SETMASK, &mask, ptr::null_mut()) };
}

/// Blocks SIGPIPE in this thread, which would look as if the server had died of it; returns the mask
/// from before.
fn hold_back_sigpipe() -> libc::sigset_t {
    // SAFETY: all zeroes is a valid mask, and so are the others.
    unsafe {
        let (mut mask, mut before) = (std::mem::zeroed(), std::mem::zeroed());
        libc::sigaddset(&mut mask, libc::SIGPIPE);
        real::pthread_sigmask(libc::SIG_BLOCK, &mask, &mut before);
        before
    }
}

/// The original stderr, or whatever is at 2.
pub(crate) fn error() -> BorrowedFd<'static> {
    // SAFETY: at worst the number is closed, and a write to it fails.
    borrow(&ERROR).unwrap_or(unsafe { BorrowedFd::borrow_raw(2) })
}

fn error_is_open() -> bool {
    rustix::io::fcntl_getfd(error()).is_ok()
}

fn borrow(slot: &AtomicI32) -> Option<BorrowedFd<'static>> {
    let number = slot.load(Relaxed);
    // SAFETY: the number was ours when it was stored; at worst a call on it fails.
    (number >= 0).then(|| unsafe { BorrowedFd::borrow_raw(number) })
}

/// Puts what `source` is at `number`, open at `exec`, whatever was there.
pub(crate) fn put_at(source: impl std::os::fd::AsFd, number: RawFd) {
    use std::os::fd::FromRawFd;
    // SAFETY: `dup2` replaces what is at `number`, which is exactly what is wanted; the owner made
    // here is given up below without closing.
    let mut target = std::mem::ManuallyDrop::new(unsafe { OwnedFd::from_raw_fd(number) });
    let _ = rustix::io::dup2(source, &mut target);
}
