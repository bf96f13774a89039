//! Who the server is. A child of the forkserver goes on where its parent was, and servers remember
//! who that was: asyncio takes a loop that another process has begun for none, gunicorn's worker
//! ends when its parent is another. So the child keeps the process id that the server had, and its
//! parent's.

use std::env;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

use libc::pid_t;
use rustix::process::{Pid, getpid, getppid};

use crate::sys::environment;

/// The environment variable that tells the forkserver's id to a program that one of its children becomes.
const FORKSERVER_VARIABLE: &str = "SOCKFUZZ_FORKSERVER";

/// The server's id before the fork; 0 while there was none.
static FORMER: AtomicI32 = AtomicI32::new(0);
static FORMER_PARENT: AtomicI32 = AtomicI32::new(0);
/// The same process, as the kernel knows it, and its parent.
static ACTUAL: AtomicI32 = AtomicI32::new(0);
static FORKSERVER: AtomicI32 = AtomicI32::new(0);

/// Called before the forkserver forks. A child of the first one may be the next.
pub(crate) fn record_forkserver() {
    let me = number(Some(getpid()));
    if FORMER.compare_exchange(0, me, Relaxed, Relaxed).is_ok() {
        FORMER_PARENT.store(number(getppid()), Relaxed);
    }
    FORKSERVER.store(me, Relaxed);
    // SAFETY: nothing else runs in this process: it has one thread, or all others are held up for the fork.
    unsafe { environment::set(&[(FORKSERVER_VARIABLE.into(), me.to_string().into())]) };
}

/// Whether this process is a child of the forkserver that has become another program (execve(2)).
pub(crate) fn has_replaced_itself() -> bool {
    let forkserver = env::var(FORKSERVER_VARIABLE).ok().and_then(|id| id.parse().ok());
    forkserver.is_some_and(|forkserver: pid_t| forkserver == number(getppid()))
}

/// Called in the child.
pub(crate) fn adopt() {
    ACTUAL.store(number(Some(getpid())), Relaxed);
}

/// The calling process, or its parent, as the server knows it.
pub(crate) fn shown_pid(process: Option<Pid>) -> pid_t {
    let [process, actual] = [number(process), ACTUAL.load(Relaxed)];
    match process {
        _ if actual == 0 => process,
        _ if process == actual => FORMER.load(Relaxed),
        _ if process == FORKSERVER.load(Relaxed) => FORMER_PARENT.load(Relaxed),
        _ => process,
    }
}

/// The process that the server means by a number.
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

    /// One test: the ids are one for the whole process.
    #[test]
    fn only_a_child_of_the_forkserver_has_another_id() {
        let [me, parent] = [Some(getpid()), getppid()];
        assert_eq!([shown_pid(me), shown_pid(parent)], [number(me), number(parent)]);
        assert_eq!(actual_pid(number(parent)), number(parent));
        // As if the parent had been the forkserver.
        FORMER.store(number(parent), Relaxed);
        FORMER_PARENT.store(1, Relaxed);
        FORKSERVER.store(number(parent), Relaxed);
        adopt();
        assert_eq!([shown_pid(me), shown_pid(parent)], [number(parent), 1]);
        assert_eq!(actual_pid(number(parent)), number(me));
        assert_eq!(shown_pid(Pid::from_raw(7)), 7);
    }
}
