//! Yield probe: a cheaper test than /proc of whether the server's other threads sleep. On one core, a thread that
//! yields continues at once when no other thread could run.
//!
//! Kernels may implement sched_yield(2) in different ways, and a thread that waits for a disk cannot run, but is not
//! asleep. So the probe is used only after many consecutive agreements with /proc, and /proc is read again at
//! intervals, and where another program shares the core: a yield then lasts as long as that program runs.

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use super::preemption;
use crate::determinism::clock;
use crate::sys::shared_pages::Shareable;

/// Consecutive agreements of the probe with /proc, shared by all children of a forkserver.
#[derive(Debug)]
pub(crate) struct Confidence(AtomicU32);

// SAFETY: all zeroes is a valid value (no agreement), and the only field is atomic.
unsafe impl Shareable for Confidence {}

/// Confidence that all children of this forkserver share; null before there are any.
static SHARED: AtomicPtr<Confidence> = AtomicPtr::new(ptr::null_mut());

/// Makes every child inherit this confidence, so that a fresh one does not calibrate the probe again.
pub(crate) fn share_confidence(confidence: &'static Confidence) {
    SHARED.store(ptr::from_ref(confidence).cast_mut(), Relaxed);
}

impl Confidence {
    const fn none() -> Self {
        Self(AtomicU32::new(0))
    }

    fn is_established(&self) -> bool {
        self.0.load(Relaxed) >= REQUIRED_AGREEMENTS
    }

    fn record(&self, agreed: bool) {
        let count = if agreed { self.0.load(Relaxed).saturating_add(1) } else { 0 };
        self.0.store(count, Relaxed);
    }
}

/// Consecutive agreements after which the probe is used without /proc.
const REQUIRED_AGREEMENTS: u32 = 100;
/// Probes after which /proc is read again.
const PROBES_PER_PROC_CHECK: u32 = 64;
/// Consecutive busy probes after which /proc is read: another program on the same core would make every probe busy.
const MAX_BUSY_PROBES: u32 = 4;
/// Duration of a yield from which on reading /proc is much cheaper than another one.
const LONG_YIELD: Duration = Duration::from_millis(1);
/// Decisions that are left to /proc after a long yield during which the server's threads slept.
const DECISIONS_BY_PROC: u32 = 64;

/// State of the probe.
pub(super) struct YieldProbe {
    /// Context switches of the probing thread at the last probe; `None` before the first.
    switches: Option<u64>,
    /// Confidence that is used if none is shared.
    own: Confidence,
    /// Probes since /proc was read.
    probes: u32,
    /// Consecutive busy probes.
    busy_probes: u32,
    /// Whether the last yield was a long one.
    was_long: bool,
    /// Decisions that are still left to /proc.
    left_to_proc: u32,
}

/// Result of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProbeResult {
    /// No other thread could run.
    Idle,
    /// Another thread has run; probe again.
    Busy,
    /// The state is unknown: read /proc.
    Unknown {
        /// The probe saw no other thread run: [`YieldProbe::record_agreement`] compares that with /proc.
        idle: bool,
    },
}

impl YieldProbe {
    pub(super) const fn new() -> Self {
        Self {
            switches: None,
            own: Confidence::none(),
            probes: 0,
            busy_probes: 0,
            was_long: false,
            left_to_proc: 0,
        }
    }

    /// Prepares for probes by another thread.
    pub(super) fn begin(&mut self) {
        self.switches = None;
    }

    /// Lets other threads run, if any can. None has run since the last probe when this thread was never switched
    /// away from.
    pub(super) fn probe(&mut self) -> ProbeResult {
        if self.left_to_proc > 0 {
            self.left_to_proc -= 1;
            self.switches = None;
            return ProbeResult::Unknown { idle: false };
        }
        let begin = clock::real_now();
        rustix::thread::sched_yield();
        self.was_long = clock::real_now().saturating_sub(begin) >= LONG_YIELD;
        let switches = Some(preemption::context_switches_of_this_thread());
        let before = std::mem::replace(&mut self.switches, switches);
        self.evaluate(switches == before)
    }

    fn evaluate(&mut self, idle: bool) -> ProbeResult {
        self.busy_probes = if idle { 0 } else { (self.busy_probes + 1) % MAX_BUSY_PROBES };
        if self.busy_probes > 0 && !self.was_long {
            return ProbeResult::Busy;
        }
        self.probes += 1;
        if idle && self.probes < PROBES_PER_PROC_CHECK && self.confidence().is_established() {
            return ProbeResult::Idle;
        }
        self.probes = 0;
        ProbeResult::Unknown { idle }
    }

    /// Records whether all threads were asleep when the probe saw none run.
    pub(super) fn record_agreement(&self, asleep: bool) {
        self.confidence().record(asleep);
    }

    /// Records that all threads were asleep when the probe saw one run.
    pub(super) fn record_contradiction(&mut self) {
        if std::mem::take(&mut self.was_long) {
            self.left_to_proc = DECISIONS_BY_PROC;
        }
    }

    fn confidence(&self) -> &Confidence {
        // SAFETY: the pointer is null, or was made from a `'static` reference.
        unsafe { SHARED.load(Relaxed).as_ref() }.unwrap_or(&self.own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calibrated() -> YieldProbe {
        let mut probe = YieldProbe::new();
        for _ in 0..REQUIRED_AGREEMENTS {
            assert_eq!(probe.evaluate(true), ProbeResult::Unknown { idle: true });
            probe.record_agreement(true);
        }
        probe
    }

    #[test]
    fn established_confidence_skips_proc_between_checks() {
        let mut probe = calibrated();
        let unknown =
            (0..10 * PROBES_PER_PROC_CHECK).filter(|_| probe.evaluate(true) != ProbeResult::Idle).count();
        assert_eq!(unknown, 10);
    }

    #[test]
    fn constant_activity_defers_to_proc() {
        let mut probe = calibrated();
        let results: Vec<_> = (0..MAX_BUSY_PROBES).map(|_| probe.evaluate(false)).collect();
        assert_eq!(results[..3], [ProbeResult::Busy; 3]);
        assert_eq!(results[3], ProbeResult::Unknown { idle: false });
    }

    #[test]
    fn long_yield_of_a_sleeping_server_leaves_decisions_to_proc() {
        let mut probe = calibrated();
        probe.was_long = true;
        assert_eq!(probe.evaluate(false), ProbeResult::Unknown { idle: false });
        probe.record_contradiction();
        for _ in 0..DECISIONS_BY_PROC {
            assert_eq!(probe.probe(), ProbeResult::Unknown { idle: false });
            probe.record_contradiction();
        }
        assert_eq!(probe.left_to_proc, 0);
    }

    #[test]
    fn disagreement_resets_confidence() {
        let mut probe = calibrated();
        probe.record_agreement(false);
        assert_eq!(probe.evaluate(true), ProbeResult::Unknown { idle: true });
    }
}
