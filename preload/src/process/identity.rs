//! Process ids that the server sees. A child of the forkserver continues where its parent stopped, but
//! servers remember process ids: asyncio ignores a loop that another process has started, and gunicorn's
//! worker ends when its parent changes. So the child shows the former process ids of the server and of
//! its parent.

use std::env;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

use libc::pid_t;
use rustix::process::{Pid, getpid, getppid};

use crate::sys::environment;

/// Environment variable with the forkserver's process id, for a program that one of its children executes.
const FORKSERVER_VARIABLE: &str = "SOCKFUZZ_FORKSERVER";

/// Process ids of the server and of its parent before the first fork; 0 until then.
static FORMER: AtomicI32 = AtomicI32::new(0);
static FORMER_PARENT: AtomicI32 = AtomicI32::new(0);
/// Process ids that the kernel uses for the server and for its parent.
static ACTUAL: AtomicI32 = AtomicI32::new(0);
static FORKSERVER: AtomicI32 = AtomicI32::new(0);

/// Records the process ids before the forkserver forks. A child of the first forkserver may be the next.
pub(crate) fn record_forkserver() {
    let me = number(Some(getpid()));
    if FORMER.compare_exchange(0, me, Relaxed, Relaxed).is_ok() {
        FORMER_PARENT.store(number(getppid()), Relaxed);
    }
    FORKSERVER.store(me, Relaxed);
    // SAFETY: no other thread uses the environment: there is none, or all are suspended for the fork.
    unsafe { environment::set(&[(FORKSERVER_VARIABLE.into(), me.to_string().into())]) };
}

/// Whether this process is a child of the forkserver that has executed another program (execve(2)).
pub(crate) fn has_replaced_itself() -> bool {
    let forkserver = env::var(FORKSERVER_VARIABLE).ok().and_then(|id| id.parse().ok());
    forkserver.is_some_and(|forkserver: pid_t| forkserver == number(getppid()))
}

/// Records the process id of this process, a child of the forkserver.
pub(crate) fn adopt() {
    ACTUAL.store(number(Some(getpid())), Relaxed);
}

/// Translates the id of the calling process, or of its parent, to the one that the server sees.
pub(crate) fn shown_pid(process: Option<Pid>) -> pid_t {
    let [process, actual] = [number(process), ACTUAL.load(Relaxed)];
    match process {
        _ if actual == 0 => process,
        _ if process == actual => FORMER.load(Relaxed),
        _ if process == FORKSERVER.load(Relaxed) => FORMER_PARENT.load(Relaxed),
        _ => process,
    }
}

/// Translates a process id that the server uses to the kernel's.
pub(crate) fn actual_pid(shown: pid_t) -> pid_t {
    match ACTUAL.load(Relaxed) {
        actual if actual != 0 && shown == FORMER.load(Relaxed) => actual,
        _ => shown,
    }
}

fn number(process: Option<Pid>) -> pid_t {
    process.map_or(0, |process| process.as_raw_nonzero().get())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// There is only one test, because the ids are global to the process.
    #[test]
    fn only_a_child_of_the_forkserver_has_another_id() {
        let [me, parent] = [Some(getpid()), getppid()];
        assert_eq!([shown_pid(me), shown_pid(parent)], [number(me), number(parent)]);
        assert_eq!(actual_pid(number(parent)), number(parent));
        // Simulates that the parent is the forkserver.
        FORMER.store(number(parent), Relaxed);
        FORMER_PARENT.store(1, Relaxed);
        FORKSERVER.store(number(parent), Relaxed);
        adopt();
        assert_eq!([shown_pid(me), shown_pid(parent)], [number(parent), 1]);
        assert_eq!(actual_pid(number(parent)), number(me));
        assert_eq!(shown_pid(Pid::from_raw(7)), 7);
    }
}
