//! Output of the server's answers to the original stdout, in a single run.

use std::ptr;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use sockfuzz_protocol::session::Connection;
use sockfuzz_protocol::{AnswerFormat, Phase, answers};

use super::{config, real, report, stdio};

/// Writes a piece of an answer at once, also if another connection's answer is incomplete: the server may
/// die at any moment.
pub(crate) fn write(connection: Connection, piece: &[u8]) {
    if are_in_pieces() {
        write_all(&answers::header(connection, piece.len()));
    }
    write_all(piece);
}

/// Marks the end of the answers to an input.
pub(crate) fn end_input() {
    if are_in_pieces() {
        write_all(&answers::end_of_input());
    }
}

fn are_in_pieces() -> bool {
    config::get().is_some_and(|config| config.options.answers == AnswerFormat::Pieces)
}

fn write_all(mut answer: &[u8]) {
    let Some(output) = stdio::output() else { return };
    let mask = block_sigpipe();
    while !answer.is_empty() {
        match rustix::io::write(output, answer) {
            Ok(count) => answer = &answer[count..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let _ = poll(&mut [PollFd::from_borrowed_fd(output, PollFlags::OUT)], None);
            }
            // The reader is gone: end without a message, like any filter.
            Err(Errno::PIPE) => {
                report::status().reach(Phase::Finished);
                report::exit(0);
            }
            Err(error) => report::fatal(format_args!("cannot write the answer to stdout: {error}")),
        }
    }
    // SAFETY: `mask` is the set that pthread_sigmask(3) filled in. No SIGPIPE is pending: `PIPE` has ended
    // the process.
    unsafe { real::pthread_sigmask(libc::SIG_SETMASK, &mask, ptr::null_mut()) };
}

/// Blocks SIGPIPE in this thread, because it would end the process as if the server had caused it. Returns the
/// former mask.
fn block_sigpipe() -> libc::sigset_t {
    // SAFETY: all zeroes is a valid, empty `sigset_t`, and both sets live on this stack.
    unsafe {
        let (mut mask, mut before) = (std::mem::zeroed(), std::mem::zeroed());
        libc::sigaddset(&mut mask, libc::SIGPIPE);
        real::pthread_sigmask(libc::SIG_BLOCK, &mask, &mut before);
        before
    }
}
