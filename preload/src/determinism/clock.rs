//! The virtual clock: in the loop, time stands still while the server works, and jumps when it
//! waits for nothing but a timer. What a server does once a second then happens in no iteration
//! or in all of them, and every run of an input shows the same code at work.
//!
//! Other threads may sleep by the kernel's clock, which runs on. So a deadline that the server gives
//! to the kernel is translated, and when it is over virtual time has come there, too. Whoever asks for
//! the time again and again, in one iteration, waits for it to pass, and so it does.
//! The processes of a server that forks have the kernel's time.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use libc::{clockid_t, timespec};
use rustix::time::{ClockId, clock_gettime};

static FROZEN: AtomicBool = AtomicBool::new(false);
/// What the two families of clocks showed when time stopped, in nanoseconds.
static REALTIME: AtomicU64 = AtomicU64::new(0);
static MONOTONIC: AtomicU64 = AtomicU64::new(0);
/// When the forkserver started, by both families of clocks; 0 before.
static FORKED_AT: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];
/// How far time has jumped since, in nanoseconds.
static ADVANCED_NANOS: AtomicU64 = AtomicU64::new(0);
/// The same at the begin of this iteration.
static ADVANCED_BEFORE_NANOS: AtomicU64 = AtomicU64::new(0);
/// How often the server has looked at the clock in this iteration.
static READS: AtomicU32 = AtomicU32::new(0);
/// After the thaw: how far the virtual clock had run ahead of the real one. Time never goes back.
static LEAD_NANOS: AtomicU64 = AtomicU64::new(0);

/// Time of the kernel's CLOCK_MONOTONIC, past libc, whose clock functions are interposed.
pub(crate) fn real_now() -> Duration {
    kernel_time(ClockId::Monotonic)
}

/// Children of the forkserver whose start takes about as long stop at the same moment: they go on
/// to the next of these steps.
const FREEZE_STEP: Duration = Duration::from_millis(20);

/// Looks at the clock by which a server has shown that it waits for time to pass.
const READS_BEFORE_TICK: u32 = 1000;

/// What passes with each look from then on.
const TICK: Duration = Duration::from_millis(1);

/// The forkserver starts. Time goes on in its children until they are idle.
pub(crate) fn record_fork_time() {
    for (at, id) in FORKED_AT.iter().zip([ClockId::Realtime, ClockId::Monotonic]) {
        at.store(nanoseconds(kernel_time(id)), Relaxed);
    }
}

/// Stops time.
pub(crate) fn freeze() {
    for (stopped, at, id) in
        [(&REALTIME, &FORKED_AT[0], ClockId::Realtime), (&MONOTONIC, &FORKED_AT[1], ClockId::Monotonic)]
    {
        let now = nanoseconds(kernel_time(id));
        stopped.store(
            match at.load(Relaxed) {
                0 => now,
                forked => forked + now.saturating_sub(forked).next_multiple_of(nanoseconds(FREEZE_STEP)),
            },
            Relaxed,
        );
    }
    FROZEN.store(true, Relaxed);
}

/// Lets time run again, from where it stands or from now, whichever is later.
pub(crate) fn thaw() {
    if FROZEN.swap(false, Relaxed) {
        let virtual_now = MONOTONIC.load(Relaxed) + ADVANCED_NANOS.load(Relaxed);
        LEAD_NANOS.store(virtual_now.saturating_sub(nanoseconds(kernel_time(ClockId::Monotonic))), Relaxed);
    }
}

/// Whether time stands still.
pub(crate) fn is_frozen() -> bool {
    FROZEN.load(Relaxed)
}

/// Lets time jump, where it stands still.
pub(crate) fn advance(by: Duration) {
    if is_frozen() {
        ADVANCED_NANOS.fetch_add(nanoseconds(by), Relaxed);
    }
}

/// A rest ends when CLOCK_MONOTONIC is a multiple of this: what a server does every so many seconds, if
/// they are a power of two, it does at the end of each rest.
const PERIOD: Duration = Duration::from_secs(64);

/// Lets time jump, where it stands still, to the end of a rest that begins now.
pub(crate) fn advance_to_period_end() {
    advance_to(Duration::from_nanos((nanoseconds(now()) + 1).next_multiple_of(nanoseconds(PERIOD))));
}

/// Time has come to `deadline`, as the server sees CLOCK_MONOTONIC.
pub(crate) fn advance_to(deadline: Duration) {
    if is_frozen() {
        ADVANCED_NANOS.fetch_max(nanoseconds(deadline).saturating_sub(MONOTONIC.load(Relaxed)), Relaxed);
    }
}

/// The kernel's time at which the server's `deadline` is over, on any of the clocks that stand
/// still: all of them are behind, or ahead, by the same.
pub(crate) fn to_kernel_time(deadline: Duration) -> Duration {
    (deadline + real_now()).saturating_sub(now())
}

/// CLOCK_MONOTONIC as the server sees it.
pub(crate) fn now() -> Duration {
    virtual_time(libc::CLOCK_MONOTONIC).unwrap_or_else(real_now)
}

/// An iteration begins.
pub(crate) fn begin_iteration() {
    READS.store(0, Relaxed);
    ADVANCED_BEFORE_NANOS.store(ADVANCED_NANOS.load(Relaxed), Relaxed);
}

/// Whether time has jumped in this iteration.
pub(crate) fn has_advanced() -> bool {
    ADVANCED_NANOS.load(Relaxed) != ADVANCED_BEFORE_NANOS.load(Relaxed)
}

/// The server looks at the clock `id`: what it is shown; `None` when that is the kernel's time.
pub(crate) fn read(id: clockid_t) -> Option<Duration> {
    let time = virtual_time(id)?;
    if is_frozen() && READS.fetch_add(1, Relaxed) >= READS_BEFORE_TICK {
        advance(TICK);
    }
    Some(time)
}

/// What the server is shown on the clock `id`; `None` when it is the kernel's time.
fn virtual_time(id: clockid_t) -> Option<Duration> {
    let (stopped, real) = match id {
        libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE | libc::CLOCK_TAI => {
            (&REALTIME, ClockId::Realtime)
        }
        libc::CLOCK_MONOTONIC
        | libc::CLOCK_MONOTONIC_COARSE
        | libc::CLOCK_MONOTONIC_RAW
        | libc::CLOCK_BOOTTIME => (&MONOTONIC, ClockId::Monotonic),
        _ => return None,
    };
    if is_frozen() {
        return Some(Duration::from_nanos(stopped.load(Relaxed) + ADVANCED_NANOS.load(Relaxed)));
    }
    match LEAD_NANOS.load(Relaxed) {
        0 => None,
        lead => Some(kernel_time(real) + Duration::from_nanos(lead)),
    }
}

/// A time as clock_gettime(2) writes it.
pub(crate) fn to_timespec(time: Duration) -> timespec {
    timespec { tv_sec: time.as_secs() as libc::time_t, tv_nsec: time.subsec_nanos().into() }
}

fn kernel_time(id: ClockId) -> Duration {
    let time = clock_gettime(id);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    // One test for the whole clock: it is global, and tests run in parallel.
    #[test]
    fn time_stands_still_jumps_and_never_goes_back() {
        assert_eq!(virtual_time(libc::CLOCK_MONOTONIC), None);
        freeze();
        let stopped = virtual_time(libc::CLOCK_MONOTONIC);
        assert!(real_now() >= stopped.expect("frozen"));
        assert_eq!(virtual_time(libc::CLOCK_MONOTONIC), stopped);
        assert_eq!(virtual_time(libc::CLOCK_PROCESS_CPUTIME_ID), None, "processor time is not simulated");
        advance(Duration::from_secs(3600));
        let jumped = virtual_time(libc::CLOCK_MONOTONIC).expect("frozen");
        assert_eq!(Some(jumped), stopped.map(|time| time + Duration::from_secs(3600)));
        for _ in 0..READS_BEFORE_TICK {
            read(libc::CLOCK_REALTIME);
        }
        read(libc::CLOCK_PROCESS_CPUTIME_ID);
        assert_eq!(virtual_time(libc::CLOCK_MONOTONIC), Some(jumped));
        read(libc::CLOCK_REALTIME);
        assert_eq!(virtual_time(libc::CLOCK_MONOTONIC), Some(jumped + TICK), "who looks so often waits");
        begin_iteration();
        read(libc::CLOCK_REALTIME);
        assert_eq!(virtual_time(libc::CLOCK_MONOTONIC), Some(jumped + TICK));
        advance_to_period_end();
        let rested = virtual_time(libc::CLOCK_MONOTONIC).expect("frozen");
        assert!(rested > jumped + TICK && nanoseconds(rested).is_multiple_of(nanoseconds(PERIOD)));
        assert!(has_advanced());
        begin_iteration();
        assert!(!has_advanced());
        advance_to_period_end();
        assert_eq!(virtual_time(libc::CLOCK_MONOTONIC), Some(rested + PERIOD));
        thaw();
        assert!(virtual_time(libc::CLOCK_MONOTONIC).expect("ahead of the real clock") >= jumped);
        LEAD_NANOS.store(0, Relaxed);
    }
}
