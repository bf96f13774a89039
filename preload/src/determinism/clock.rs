//! Virtual clock. In the loop, time stands still while the server works, and jumps when it waits only for a timer. Work
//! that a server does once a second then happens in no iteration or in all of them, and every run of an input executes
//! the same code.
//!
//! Other threads may sleep by the kernel's clock, which continues. So a deadline that the server passes to the kernel
//! is translated, and when it is over, virtual time has also reached it. A server that reads the clock again and again
//! in one iteration waits for time to pass, so time then advances. The processes of a server that forks have the
//! kernel's time.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use libc::{clockid_t, timespec};
use rustix::time::{ClockId, clock_gettime};

static FROZEN: AtomicBool = AtomicBool::new(false);
/// Time at which the two families of clocks stopped, in nanoseconds.
static REALTIME: AtomicU64 = AtomicU64::new(0);
static MONOTONIC: AtomicU64 = AtomicU64::new(0);
/// Time of the forkserver's start by both families of clocks, in nanoseconds; 0 before.
static FORKED_AT: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];
/// Total advance of time since it stopped, in nanoseconds.
static ADVANCED_NANOS: AtomicU64 = AtomicU64::new(0);
/// Value of [`ADVANCED_NANOS`] at the start of this iteration.
static ADVANCED_BEFORE_NANOS: AtomicU64 = AtomicU64::new(0);
/// Number of times that the server has read the clock in this iteration.
static READS: AtomicU32 = AtomicU32::new(0);
/// Lead of the virtual clock over the real one when time continued. It is kept, so that time never goes back.
static LEAD_NANOS: AtomicU64 = AtomicU64::new(0);

/// Returns the kernel's CLOCK_MONOTONIC, without libc, whose clock functions are interposed.
pub(crate) fn real_now() -> Duration {
    kernel_time(ClockId::Monotonic)
}

/// Step to which the time since the fork is rounded up when time stops. So children of the forkserver whose starts take
/// about equally long stop at the same time.
const FREEZE_STEP: Duration = Duration::from_millis(20);

/// Reads of the clock in one iteration after which a server counts as waiting for time to pass.
const READS_BEFORE_TICK: u32 = 1000;

/// Time that passes with each further read.
const TICK: Duration = Duration::from_millis(1);

/// Records the start of the forkserver. Time continues in its children until they are idle.
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

/// Lets time continue, from where it stands or from now, whichever is later.
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

/// Advances time, if it stands still.
pub(crate) fn advance(by: Duration) {
    if is_frozen() {
        ADVANCED_NANOS.fetch_add(nanoseconds(by), Relaxed);
    }
}

/// Period of the virtual clock: between iterations, it can advance to the next multiple of this. Work that a server
/// does every 1, 2, 4, … or 64 seconds is then due after each such advance.
const PERIOD: Duration = Duration::from_secs(64);

/// Advances time, if it stands still, to the end of the current period.
pub(crate) fn advance_to_period_end() {
    advance_to(Duration::from_nanos((nanoseconds(now()) + 1).next_multiple_of(nanoseconds(PERIOD))));
}

/// Advances time, if it stands still, to `deadline` on the server's CLOCK_MONOTONIC.
pub(crate) fn advance_to(deadline: Duration) {
    if is_frozen() {
        ADVANCED_NANOS.fetch_max(nanoseconds(deadline).saturating_sub(MONOTONIC.load(Relaxed)), Relaxed);
    }
}

/// Translates the server's `deadline` to the kernel's time, for any virtual clock: all of them differ from the kernel's
/// by the same amount.
pub(crate) fn to_kernel_time(deadline: Duration) -> Duration {
    (deadline + real_now()).saturating_sub(now())
}

/// Returns CLOCK_MONOTONIC as the server sees it.
pub(crate) fn now() -> Duration {
    virtual_time(libc::CLOCK_MONOTONIC).unwrap_or_else(real_now)
}

/// Resets the state of an iteration, at its start.
pub(crate) fn begin_iteration() {
    READS.store(0, Relaxed);
    ADVANCED_BEFORE_NANOS.store(ADVANCED_NANOS.load(Relaxed), Relaxed);
}

/// Whether time has advanced in this iteration.
pub(crate) fn has_advanced() -> bool {
    ADVANCED_NANOS.load(Relaxed) != ADVANCED_BEFORE_NANOS.load(Relaxed)
}

/// Reads the clock `id` for the server. Returns `None` if the server sees the kernel's time.
pub(crate) fn read(id: clockid_t) -> Option<Duration> {
    let time = virtual_time(id)?;
    if is_frozen() && READS.fetch_add(1, Relaxed) >= READS_BEFORE_TICK {
        advance(TICK);
    }
    Some(time)
}

/// Returns the server's time on the clock `id`; `None` if the server sees the kernel's time.
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

/// Converts a time to the form of clock_gettime(2).
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
        assert_eq!(virtual_time(libc::CLOCK_MONOTONIC), Some(jumped + TICK), "frequent reads advance time");
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
