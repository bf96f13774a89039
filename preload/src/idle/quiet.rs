//! A cheaper judge than /proc of whether the server's threads sleep: on one core, a thread that yields goes on
//! at once when no other could.
//!
//! What a kernel makes of sched_yield(2) is its own affair; and a thread that waits for a disk cannot run, but
//! is not asleep. So this judge is heard only after it has agreed with /proc many times in a row, and /proc
//! is asked again now and then.

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering::Relaxed};

use super::displaced;

/// How often in a row this judge was right; all that is known of the kernel, and the same for every process.
#[derive(Debug)]
pub(crate) struct Trust(AtomicU32);

/// That of all children of this forkserver; null before there are any.
static SHARED: AtomicPtr<Trust> = AtomicPtr::new(ptr::null_mut());

/// From now on this is what every child goes by, so that a fresh one need not learn it anew.
pub(crate) fn share(trust: &'static Trust) {
    SHARED.store(ptr::from_ref(trust).cast_mut(), Relaxed);
}

impl Trust {
    const fn none() -> Self {
        Self(AtomicU32::new(0))
    }

    fn is_earned(&self) -> bool {
        self.0.load(Relaxed) >= AGREEMENTS
    }

    fn note(&self, right: bool) {
        let count = if right { self.0.load(Relaxed).saturating_add(1) } else { 0 };
        self.0.store(count, Relaxed);
    }
}

/// How often in a row both have to agree.
const AGREEMENTS: u32 = 100;
/// One time in so many, both are asked.
const SAMPLE: u32 = 64;
/// Where another program wants the same core, something always goes on.
const ROUNDS: u32 = 4;

/// What is known of this judge.
pub(super) struct Quiet {
    /// How often the processor had been taken from the asking thread; `None` before it first asks.
    switches: Option<u64>,
    /// Where nothing is shared.
    own: Trust,
    /// How often it was heard since /proc was asked.
    heard: u32,
    /// How often in a row something went on.
    rounds: u32,
}

/// What this judge says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nobody could run.
    Quiet,
    /// Somebody has run just now; ask again.
    Stirs,
    /// Ask /proc.
    Unsure {
        /// It would have said so: let it know whether all were asleep.
        quiet: bool,
    },
}

impl Quiet {
    pub(super) const fn new() -> Self {
        Self { switches: None, own: Trust::none(), heard: 0, rounds: 0 }
    }

    /// From now on, another thread may ask.
    pub(super) fn begin(&mut self) {
        self.switches = None;
    }

    /// Lets the others run, if any can. None has since the last time when this thread was never switched away
    /// from.
    pub(super) fn ask(&mut self) -> Verdict {
        rustix::thread::sched_yield();
        let switches = Some(displaced::switches_of_this_thread());
        let before = std::mem::replace(&mut self.switches, switches);
        self.judge(switches == before)
    }

    fn judge(&mut self, quiet: bool) -> Verdict {
        self.rounds = if quiet { 0 } else { (self.rounds + 1) % ROUNDS };
        if self.rounds > 0 {
            return Verdict::Stirs;
        }
        self.heard += 1;
        if quiet && self.heard < SAMPLE && self.trust().is_earned() {
            return Verdict::Quiet;
        }
        self.heard = 0;
        Verdict::Unsure { quiet }
    }

    /// Whether all were asleep when it was quiet.
    pub(super) fn compare(&self, asleep: bool) {
        self.trust().note(asleep);
    }

    fn trust(&self) -> &Trust {
        // SAFETY: null, or what lives for ever.
        unsafe { SHARED.load(Relaxed).as_ref() }.unwrap_or(&self.own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusted() -> Quiet {
        let mut quiet = Quiet::new();
        for _ in 0..AGREEMENTS {
            assert_eq!(quiet.judge(true), Verdict::Unsure { quiet: true });
            quiet.compare(true);
        }
        quiet
    }

    #[test]
    fn it_is_heard_when_it_has_been_right_and_asked_again_now_and_then() {
        let mut quiet = trusted();
        let unsure = (0..10 * SAMPLE).filter(|_| quiet.judge(true) != Verdict::Quiet).count();
        assert_eq!(unsure, 10);
    }

    #[test]
    fn where_it_is_never_quiet_proc_is_asked() {
        let mut quiet = trusted();
        let verdicts: Vec<_> = (0..ROUNDS).map(|_| quiet.judge(false)).collect();
        assert_eq!(verdicts[..3], [Verdict::Stirs; 3]);
        assert_eq!(verdicts[3], Verdict::Unsure { quiet: false });
    }

    #[test]
    fn who_was_wrong_once_has_to_be_right_again_many_times() {
        let mut quiet = trusted();
        quiet.compare(false);
        assert_eq!(quiet.judge(true), Verdict::Unsure { quiet: true });
    }
}
