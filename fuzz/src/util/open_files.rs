//! The limit of open files (getrlimit(2), RLIMIT_NOFILE), which AFL++ and the preload need room below.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::problem::Problem;

/// Descriptors that a server under test has to have: AFL++ uses 198 and 199, the preload some above, and the server
/// those below.
const REQUIRED: u64 = 512;

/// Raises the limit as far as it is needed.
///
/// # Errors
/// When this process may not.
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
