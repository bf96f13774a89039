//! AFL++'s two pipes. Requests arrive on one, answers are written to the other, in words of 32 bits.

use std::os::fd::{BorrowedFd, RawFd};
use std::sync::OnceLock;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, FdFlags, fcntl_setfd, ioctl_fionread, read};
use rustix::process::{Pid, getpid};

use crate::sys::{fd, report};

/// Descriptors of AFL++'s control and status pipes (AFL++ config.h: FORKSRV_FD and the next).
pub(crate) const FORKSERVER_PIPES: [RawFd; 2] = [198, 199];

/// Wait status of a process that has stopped itself (wait(2)): an iteration ended well.
const STOPPED: u32 = (libc::SIGSTOP as u32) << 8 | 0x7f;

/// Bytes of a word.
const WORD_BYTES: usize = size_of::<u32>();

fn requests() -> BorrowedFd<'static> {
    borrow(FORKSERVER_PIPES[0])
}

fn answers() -> BorrowedFd<'static> {
    borrow(FORKSERVER_PIPES[1])
}

fn borrow(number: RawFd) -> BorrowedFd<'static> {
    // SAFETY: the descriptors are open: `init` has checked that AFL++ passed them, and the server cannot close them.
    unsafe { BorrowedFd::borrow_raw(number) }
}

/// Closes the pipes in programs that the server starts: AFL++ detects the forkserver's end by the end of the pipes.
pub(super) fn close_on_exec() {
    for pipe in [requests(), answers()] {
        let _ = fcntl_setfd(pipe, FdFlags::CLOEXEC);
    }
}

/// Reads a word; `None` when AFL++ has closed its end.
pub(super) fn read_word() -> Option<u32> {
    let mut word = [0_u8; WORD_BYTES];
    loop {
        match read(requests(), &mut word) {
            Ok(WORD_BYTES) => return Some(u32::from_ne_bytes(word)),
            Err(Errno::INTR) => {}
            _ => return None,
        }
    }
}

/// Waits for a request to run an iteration. Returns `false` when there are no more. The content of a request, whether
/// the last iteration timed out, is not needed.
pub(super) fn read_request() -> bool {
    read_word().is_some()
}

/// Writes words atomically (pipe(7), PIPE_BUF).
pub(super) fn write_words<const N: usize>(words: [u32; N]) {
    write_bytes(words.map(u32::to_ne_bytes).as_flattened());
}

/// Writes `bytes`. Ends the process when AFL++ has gone.
pub(super) fn write_bytes(bytes: &[u8]) {
    if fd::write_all(answers(), bytes).is_err() {
        report::exit(0);
    }
}

/// Reports the end of an iteration, and that this process runs the next one.
pub(super) fn report_iteration() {
    // rustix bypasses libc, whose hook returns the server's first process id in a child of the forkserver.
    static ME: OnceLock<Pid> = OnceLock::new();
    let me = ME.get_or_init(getpid);
    write_words([STOPPED, me.as_raw_nonzero().get().cast_unsigned()]);
}

/// Whether AFL++ has read every answer.
pub(super) fn all_read() -> bool {
    ioctl_fionread(answers()).is_ok_and(|bytes| bytes == 0)
}

/// Whether a request, or the end of all requests, arrives within this time.
pub(super) fn request_comes(within: Timespec) -> bool {
    poll(&mut [PollFd::from_borrowed_fd(requests(), PollFlags::IN)], Some(&within)) == Ok(1)
}
