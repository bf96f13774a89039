//! Who the server is. A child of the forkserver goes on where its parent was, and servers remember
//! who that was: asyncio takes a loop that another process has begun for none, gunicorn's worker
//! ends when its parent is another. So the child keeps the process id that the server had, and its
//! parent's.

use std::env;
use std::ffi::CStr;
use std::slice;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

use libc::pid_t;
use rustix::process::{Pid, getpid, getppid};

/// The environment variable that tells the forkserver's id to a program that one of its children becomes.
const FORKSERVER_VARIABLE: &CStr = c"SOCKFUZZ_FORKSERVER";

/// Digits of its value: it is made in advance, and overwritten where the heap must not be used.
const FORKSERVER_DIGITS: usize = 10;

/// The server's id before the fork; 0 while there was none.
static FORMER: AtomicI32 = AtomicI32::new(0);
static FORMER_PARENT: AtomicI32 = AtomicI32::new(0);
/// The same process, as the kernel knows it, and its parent.
static ACTUAL: AtomicI32 = AtomicI32::new(0);
static FORKSERVER: AtomicI32 = AtomicI32::new(0);

/// Makes room in the environment for the forkserver's id. Called before the server's `main`.
pub(crate) fn prepare() {
    let variable = FORKSERVER_VARIABLE.to_str().expect("plain ASCII");
    // SAFETY: the process has one thread.
    unsafe { env::set_var(variable, "0".repeat(FORKSERVER_DIGITS)) };
}

/// Called before the forkserver forks. A child of the first one may be the next.
pub(crate) fn record_forkserver() {
    let me = number(Some(getpid()));
    if FORMER.compare_exchange(0, me, Relaxed, Relaxed).is_ok() {
        FORMER_PARENT.store(number(getppid()), Relaxed);
    }
    FORKSERVER.store(me, Relaxed);
    write_to_environment(me);
}

/// A server that has made an environment of its own is not told.
fn write_to_environment(forkserver: pid_t) {
    // SAFETY: the name ends with a zero. Nothing else runs in this process: it has one thread, or all others are held
    // up for the fork. A value of that many bytes is overwritten with as many.
    unsafe {
        let value = libc::getenv(FORKSERVER_VARIABLE.as_ptr());
        if value.is_null() || CStr::from_ptr(value).count_bytes() != FORKSERVER_DIGITS {
            return;
        }
        let digits = slice::from_raw_parts_mut(value.cast::<u8>(), FORKSERVER_DIGITS);
        digits.iter_mut().rev().fold(forkserver, |rest, digit| {
            *digit = b'0' + (rest % 10) as u8;
            rest / 10
        });
    }
}

/// Whether this process is a child of the forkserver that has become another program (execve(2)).
pub(crate) fn has_replaced_itself() -> bool {
    let value = FORKSERVER_VARIABLE.to_str().ok().and_then(|variable| env::var(variable).ok());
    let forkserver = value.and_then(|id| id.parse().ok());
    forkserver.is_some_and(|forkserver: pid_t| forkserver != 0 && forkserver == number(getppid()))
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
