//! Replacement of pipes, event counters and timers that the server made before the forkserver started, and
//! by which its threads communicate.
//!
//! `fork` copies only descriptors, so a thread of one child could read a byte that a thread of another child has
//! written. So every child begins with pipes, event counters and timers of its own, at the old numbers and with
//! the old content. If an object cannot be replaced, the children share it, and no two may live at the same time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::sync::OnceLock;

use rustix::event::{EventfdFlags, eventfd};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::net::{AddressFamily, getpeername, sockopt};
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_getpipe_size, fcntl_setpipe_size, pipe_with, tee};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

use crate::sys::fd_table::{self, FdKind};
use crate::sys::fdinfo;
use crate::sys::fdinfo::FdInfo;
use crate::sys::{fd, proc};

/// Replaces these objects in a new child. Must be called by its only thread. Returns whether nothing is left by
/// which it and another child that lives at the same time could disturb each other.
pub(super) fn isolate() -> bool {
    let mut apart = true;
    let objects = objects();
    for (name, numbers) in &objects {
        let replaced = match name.split(['[', ':']).next() {
            Some("pipe") => replace_pipe(numbers),
            Some("eventfd") => replace_with(numbers, event_counter),
            Some("timerfd") => replace_with(numbers, timer),
            Some("socket") if is_shared(numbers[0]) => Err(Errno::ISCONN),
            _ => Ok(()),
        };
        apart &= replaced.is_ok();
    }
    KNOWN_OBJECTS.get_or_init(|| self::objects().into_keys().collect());
    apart
}

/// Objects that existed when a child first began.
static KNOWN_OBJECTS: OnceLock<BTreeSet<String>> = OnceLock::new();

/// Whether the server has since made no pipe, socket or similar object, and no timer that a fork loses. (An
/// object with a path is a file, which may be shared.)
pub(crate) fn has_no_new_objects() -> bool {
    let timers = fs::read("/proc/self/timers").unwrap_or_default();
    let known = |name: &String| {
        name.starts_with('/') || KNOWN_OBJECTS.get().is_some_and(|known| known.contains(name))
    };
    timers.is_empty() && objects().keys().all(known)
}

/// Returns the server's descriptors, grouped by the names of the objects that they refer to.
fn objects() -> BTreeMap<String, Vec<RawFd>> {
    let mut objects = BTreeMap::<String, Vec<RawFd>>::new();
    for number in proc::open_fds() {
        if fd_table::kind(number) == FdKind::Protected {
            continue;
        }
        let Some(target) = fdinfo::target(number) else { continue };
        let name = match target.strip_prefix("anon_inode:[") {
            // These objects share a name for each kind, but event counters have ids.
            Some(kind) => {
                let kind = kind.trim_end_matches(']');
                let info = FdInfo::read(number);
                let id = info.field("eventfd-id:").map(str::to_owned);
                format!("{kind}:{}", id.unwrap_or_else(|| number.to_string()))
            }
            None => target,
        };
        objects.entry(name).or_default().push(number);
    }
    objects
}

/// Replaces a pipe of which this process has both ends. A single end leads to another process: a write end
/// is kept, and a read end is an error.
fn replace_pipe(numbers: &[RawFd]) -> Result<(), Errno> {
    let mode = |number: RawFd| fcntl_getfl(fd::borrow(number)).map(|flags| flags & OFlags::RWMODE);
    let ends = [OFlags::RDONLY, OFlags::WRONLY];
    let [readers, writers] = ends.map(|end| -> Vec<RawFd> {
        numbers.iter().copied().filter(|&number| mode(number) == Ok(end)).collect()
    });
    let Some(&old) = readers.first() else { return Ok(()) };
    if writers.is_empty() {
        return Err(Errno::PIPE);
    }
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    let size = fcntl_getpipe_size(fd::borrow(old))?;
    let _the_usual_one_will_do = fcntl_setpipe_size(&writer, size);
    match tee(fd::borrow(old), &writer, size, SpliceFlags::NONBLOCK) {
        Ok(_) | Err(Errno::AGAIN) => {}
        Err(error) => return Err(error),
    }
    put(&readers, reader)?;
    put(&writers, writer)
}

fn replace_with(numbers: &[RawFd], make: fn(&FdInfo) -> Option<OwnedFd>) -> Result<(), Errno> {
    put(numbers, make(&FdInfo::read(numbers[0])).ok_or(Errno::INVAL)?)
}

/// Puts `fresh` in the place of all these descriptors, with the status flags of the old object.
fn put(numbers: &[RawFd], fresh: OwnedFd) -> Result<(), Errno> {
    fcntl_setfl(&fresh, fcntl_getfl(fd::borrow(numbers[0]))?)?;
    numbers.iter().try_for_each(|&number| fd::replace(number, fresh.as_fd()))
}

/// Makes an event counter from the description of another one (proc_pid_fdinfo(5)).
fn event_counter(info: &FdInfo) -> Option<OwnedFd> {
    let count = u64::from_str_radix(info.field("eventfd-count:")?, 16).ok()?;
    let semaphore = info.field("eventfd-semaphore:").is_some_and(|value| value != "0");
    let flags = if semaphore { EventfdFlags::SEMAPHORE } else { EventfdFlags::empty() };
    let made = eventfd(0, flags | EventfdFlags::CLOEXEC).ok()?;
    if count > 0 {
        rustix::io::write(&made, &count.to_ne_bytes()).ok()?;
    }
    Some(made)
}

/// Makes a timer from the description of another one. If an expiration was not read yet, the timer expires at once.
fn timer(info: &FdInfo) -> Option<OwnedFd> {
    let clock = match info.field("clockid:")?.parse().ok()? {
        libc::CLOCK_REALTIME => TimerfdClockId::Realtime,
        libc::CLOCK_MONOTONIC => TimerfdClockId::Monotonic,
        libc::CLOCK_BOOTTIME => TimerfdClockId::Boottime,
        _ => return None,
    };
    let made = timerfd_create(clock, TimerfdFlags::CLOEXEC).ok()?;
    let mut value = time(info.field("it_value:")?)?;
    if info.field("ticks:")? != "0" {
        value = Timespec { tv_sec: 0, tv_nsec: 1 };
    }
    let times = Itimerspec { it_interval: time(info.field("it_interval:")?)?, it_value: value };
    timerfd_settime(&made, TimerfdTimerFlags::empty(), &times).ok()?;
    Some(made)
}

/// Parses `(seconds, nanoseconds)`.
fn time(text: &str) -> Option<Timespec> {
    let (seconds, nanoseconds) = text.trim_matches(['(', ')']).split_once(", ")?;
    Some(Timespec { tv_sec: seconds.parse().ok()?, tv_nsec: nanoseconds.parse().ok()? })
}

/// Whether a socket that the preload does not manage has a peer, or is a listener that any process may accept
/// from: for example, one by which a proxy reaches itself.
fn is_shared(number: RawFd) -> bool {
    let socket = fd::borrow(number);
    let is_outside = matches!(fd_table::kind(number), FdKind::Unmanaged);
    let is_met = || sockopt::socket_acceptconn(socket) == Ok(true) || getpeername(socket).is_ok();
    is_outside && sockopt::socket_domain(socket) != Ok(AddressFamily::NETLINK) && is_met()
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use rustix::io::{read, write};
    use rustix::pipe::pipe;

    use super::*;

    #[test]
    fn a_replaced_pipe_keeps_its_content() {
        let (reader, writer) = pipe().expect("a pipe");
        let parents_end = reader.try_clone().expect("dup");
        write(&writer, b"old").expect("room");
        replace_pipe(&[reader.as_raw_fd(), writer.as_raw_fd()]).expect("replaced");
        write(&writer, b"new").expect("room");
        let mut bytes = [0; 9];
        assert_eq!(read(&reader, &mut bytes), Ok(6));
        assert_eq!(&bytes[..6], b"oldnew");
        assert_eq!(read(&parents_end, &mut bytes), Ok(3), "its content is still there");
    }

    #[test]
    fn a_single_end_of_a_pipe_is_allowed_for_output_only() {
        let (reader, writer) = pipe().expect("a pipe");
        assert_eq!(replace_pipe(&[writer.as_raw_fd()]), Ok(()));
        assert_eq!(replace_pipe(&[reader.as_raw_fd()]), Err(Errno::PIPE));
    }

    #[test]
    fn a_replaced_event_counter_keeps_its_count() {
        let counter = eventfd(7, EventfdFlags::NONBLOCK).expect("an event counter");
        let parents = counter.try_clone().expect("dup");
        replace_with(&[counter.as_raw_fd()], event_counter).expect("replaced");
        let count = |from: &OwnedFd| {
            let mut count = [0; 8];
            read(from, &mut count).map(|_| u64::from_ne_bytes(count))
        };
        assert_eq!([count(&counter), count(&counter), count(&parents)], [Ok(7), Err(Errno::AGAIN), Ok(7)]);
    }

    #[test]
    fn a_timer_is_made_from_its_description() {
        let info = FdInfo::from(
            "clockid: 1\nticks: 0\nsettime flags: 01\nit_value: (49, 406829)\nit_interval: (1, 0)\n",
        );
        let made = timer(&info).expect("made");
        let times = rustix::time::timerfd_gettime(&made).expect("a timer");
        assert_eq!((times.it_interval.tv_sec, times.it_value.tv_sec), (1, 49));
    }
}
