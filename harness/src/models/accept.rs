//! Errors of accept, most of which are no reason to stop.

use std::io::{self, ErrorKind};
use std::thread;
use std::time::Duration;

/// Time for other connections to give back what accept ran out of.
const BACK_OFF: Duration = Duration::from_millis(10);

/// Decides whether to call accept again after `error`.
///
/// # Errors
/// `error` itself, when the listener is unusable.
pub(super) fn survive(error: io::Error) -> io::Result<()> {
    match (error.kind(), error.raw_os_error()) {
        // The client was gone before we came (accept(2)).
        (ErrorKind::ConnectionAborted | ErrorKind::Interrupted, _) => Ok(()),
        (_, Some(libc::EBADF | libc::EINVAL | libc::ENOTSOCK | libc::EOPNOTSUPP)) => Err(error),
        _ => {
            thread::sleep(BACK_OFF);
            Ok(())
        }
    }
}
