//! Log of the options that the server has set on connections that only the server sees as TCP sockets.

use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::sync::{Mutex, TryLockError};

use libc::{c_int, c_void, socklen_t};

use crate::sys::signal_guard::SignalGuard;
use crate::sys::{errno, real, user_memory};

/// Descriptors below this number have their options kept.
const MAX_FDS: usize = 1024;
/// Maximum number of options that are kept for one connection.
const MAX_OPTIONS: usize = 16;
/// Maximum size of a value that is kept, in bytes.
const MAX_VALUE_BYTES: usize = 16;
/// Maximum number of options that are recorded as valid.
const MAX_VALID_OPTIONS: usize = 32;
/// Number of attempts to take the lock. Its holder makes no system call; a signal handler that has interrupted the
/// holder gives up.
const LOCK_ATTEMPTS: u32 = 1000;

/// An option with its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SetOption {
    level: c_int,
    name: c_int,
    value: [u8; MAX_VALUE_BYTES],
    len: socklen_t,
}

impl SetOption {
    const NONE: Self = Self { level: 0, name: 0, value: [0; MAX_VALUE_BYTES], len: 0 };

    /// Reads an option from the server's memory; `None` if its value is too long or cannot be read.
    pub(super) fn read(level: c_int, name: c_int, value: *const c_void, len: socklen_t) -> Option<Self> {
        let mut option = Self { level, name, len, ..Self::NONE };
        let kept = option.value.get_mut(..len as usize)?;
        // SAFETY: any bytes are valid, and the server does not change them during its call.
        let given = unsafe { user_memory::elements(value.cast::<u8>(), len as usize) }.ok()?;
        kept.iter_mut().zip(given).for_each(|(kept, given)| *kept = given.get());
        Some(option)
    }
}

/// Recorded options, by the connection's descriptor.
struct OptionLog {
    options: [[SetOption; MAX_OPTIONS]; MAX_FDS],
    /// Options that the kernel has accepted before.
    valid: [SetOption; MAX_VALID_OPTIONS],
    valid_count: usize,
}

static LOG: Mutex<OptionLog> = Mutex::new(OptionLog {
    options: [[SetOption::NONE; MAX_OPTIONS]; MAX_FDS],
    valid: [SetOption::NONE; MAX_VALID_OPTIONS],
    valid_count: 0,
});

/// Number of recorded options, by the connection's descriptor.
static COUNTS: [AtomicU8; MAX_FDS] = [const { AtomicU8::new(0) }; MAX_FDS];

fn with<R>(action: impl FnOnce(&mut OptionLog) -> R) -> Option<R> {
    let _signals = SignalGuard::enter();
    for _ in 0..LOCK_ATTEMPTS {
        match LOG.try_lock() {
            Ok(mut log) => return Some(action(&mut log)),
            Err(TryLockError::Poisoned(log)) => return Some(action(&mut log.into_inner())),
            Err(TryLockError::WouldBlock) => std::hint::spin_loop(),
        }
    }
    None
}

fn count(fd: RawFd) -> Option<&'static AtomicU8> {
    COUNTS.get(usize::try_from(fd).ok()?)
}

/// Records an option that the server has set on a connection, if the kernel has accepted it before. Returns `false`, and
/// records nothing, if not.
pub(super) fn record_known(fd: RawFd, option: SetOption) -> bool {
    let record_known = |log: &mut OptionLog| {
        let is_known = log.valid[..log.valid_count.min(MAX_VALID_OPTIONS)].contains(&option);
        if is_known {
            log.record(fd, option);
        }
        is_known
    };
    with(record_known).unwrap_or(false)
}

/// Records an option that the server has set on a connection, and that the kernel accepts.
pub(super) fn record_new(fd: RawFd, option: SetOption) {
    with(|log| {
        log.valid[log.valid_count % MAX_VALID_OPTIONS] = option;
        log.valid_count += 1;
        log.record(fd, option);
    });
}

impl OptionLog {
    fn record(&mut self, fd: RawFd, option: SetOption) {
        let Some(count) = count(fd) else { return };
        let options = &mut self.options[fd.unsigned_abs() as usize];
        let known = usize::from(count.load(Relaxed));
        let is_same = |other: &SetOption| (other.level, other.name) == (option.level, option.name);
        match options[..known].iter_mut().find(|other| is_same(other)) {
            Some(other) => *other = option,
            None if known < MAX_OPTIONS => {
                options[known] = option;
                count.store(known as u8 + 1, Relaxed);
            }
            None => {}
        }
    }
}

/// Sets on `to` the options that are recorded for the connection.
pub(super) fn replay(fd: RawFd, to: impl AsFd) {
    let Some(known) = count(fd).map(|count| usize::from(count.load(Relaxed))).filter(|&known| known > 0)
    else {
        return;
    };
    let Some(options) = with(|log| log.options[fd.unsigned_abs() as usize]) else { return };
    let to = to.as_fd().as_raw_fd();
    errno::untouched(|| {
        for option in &options[..known] {
            // SAFETY: `len` bytes of the value are readable. (An option that cannot be set stays unchanged.)
            unsafe {
                real::setsockopt(to, option.level, option.name, option.value.as_ptr().cast(), option.len)
            };
        }
    });
}

/// Forgets the options of `fd`, which is a new connection.
pub(super) fn clear(fd: RawFd) {
    if let Some(count) = count(fd).filter(|count| count.load(Relaxed) > 0) {
        count.store(0, Relaxed);
    }
}

/// Copies the options of `fd` to its duplicate.
pub(super) fn duplicate(fd: RawFd, copy: RawFd) {
    if let (Some(from), Some(to)) = (count(fd), count(copy)) {
        let known = from.load(Relaxed);
        if known > 0 {
            with(|log| log.options[copy.unsigned_abs() as usize] = log.options[fd.unsigned_abs() as usize]);
        }
        to.store(known, Relaxed);
    }
}
