//! Errors of accept, most of which do not end the server.

use std::io::{self, ErrorKind};
use std::thread;
use std::time::Duration;

/// Time for other connections to release the resources that accept lacks.
const BACK_OFF: Duration = Duration::from_millis(10);

/// Returns `Ok` if accept may be called again after `error`. Waits first if resources are exhausted.
///
/// # Errors
/// Returns `error` if the listener is unusable.
pub(super) fn survive(error: io::Error) -> io::Result<()> {
    match (error.kind(), error.raw_os_error()) {
        // The client has gone already (accept(2)), or a signal interrupted the call.
        (ErrorKind::ConnectionAborted | ErrorKind::Interrupted, _) => Ok(()),
        (_, Some(libc::EBADF | libc::EINVAL | libc::ENOTSOCK | libc::EOPNOTSUPP)) => Err(error),
        _ => {
            thread::sleep(BACK_OFF);
            Ok(())
        }
    }
}
