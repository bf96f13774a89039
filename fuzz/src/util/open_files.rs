//! Limit of open files (getrlimit(2), RLIMIT_NOFILE), which has to leave room for AFL++ and the preload.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::problem::Problem;

/// Number of file descriptors that a server under test needs. AFL++ uses 198 and 199, the preload uses some above, and
/// the server uses those below.
const REQUIRED: u64 = 512;

/// Raises the limit to the required value if it is lower.
///
/// # Errors
/// When this process is not permitted to raise it.
pub fn require() -> Result<(), Problem> {
    let limit = getrlimit(Resource::Nofile);
    let Some(current) = limit.current.filter(|current| *current < REQUIRED) else { return Ok(()) };
    setrlimit(Resource::Nofile, Rlimit { current: Some(REQUIRED), ..limit }).map_err(|_| {
        Problem::failed(
            format!("{current} files may be open at a time (ulimit -n), too few for afl-fuzz and a server"),
            format!(
                "allow {REQUIRED} or more, for example with: ulimit -n 1024; as root or in limits.conf where \
                     that is refused"
            ),
        )
    })
}
