//! Wait loop: runs a blocking call of the server at an idle point.

use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use super::accepting::may_drive;
use super::deadline::Deadline;
use super::driver_guard::{DriverGuard, DriverState};
use super::idle_client::IdleStep;
use super::notifier::NOTIFIER;
use super::{interruption, preemption};
use crate::determinism::clock;
use crate::net::accept_gate;
use crate::sys::cancellation::{self, Uncancelled};
use crate::sys::event::Event;
use crate::sys::signal_guard::{self, SignalGuard};
use crate::sys::threads;

/// Real time of one wait for a server that only a timer of its own can wake.
const TIMER_WAIT: Duration = Duration::from_millis(2);

/// Interval at which a process that does not drive checks whether the driving process still exists.
const DRIVER_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Call that would block.
pub(crate) trait BlockingCall {
    /// Result of the call, for the server.
    type Output;

    /// Whether the call restarts after a handler with SA_RESTART, if it has no time limit (signal(7)).
    const RESTARTABLE: bool = true;

    /// Does the call without waiting; `None` when it would wait.
    fn attempt(&mut self) -> Option<Self::Output>;

    /// Waits in the kernel until [`BlockingCall::attempt`] may succeed, one of `others` is ready, or the time limit is
    /// over.
    ///
    /// # Errors
    /// `EINTR` when a signal handler ran; any other error counts as readiness.
    fn sleep(&self, others: &[PollFd<'_>], limit: Option<Duration>) -> Result<(), Errno>;
}

/// Outcome of a call at an idle point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WaitOutcome<T> {
    /// [`BlockingCall::attempt`] succeeded.
    Done(T),
    /// The server's own time limit is over.
    TimedOut,
    /// A signal handler ran (`EINTR`).
    Interrupted,
}

/// Waits at an idle point, for at most `limit`.
pub(crate) fn wait<C: BlockingCall>(call: &mut C, limit: Option<Duration>) -> WaitOutcome<C::Output> {
    interruption::reset();
    let restarts = C::RESTARTABLE && limit.is_none();
    cancellation::test();
    if let Some(output) = attempt(call) {
        return WaitOutcome::Done(output);
    }
    let deadline = Deadline::after(limit);
    loop {
        cancellation::test();
        // Signal handlers of the server run at the end of this call, when the thread holds no lock of the preload: they
        // may fork, call any hook, or leave by siglongjmp(3).
        if let Some(outcome) = wait_uninterrupted(call, &deadline, restarts) {
            return outcome;
        }
        if interruption::ends_call(restarts, Ok(())) {
            return attempt(call).map_or(WaitOutcome::Interrupted, WaitOutcome::Done);
        }
    }
}

/// Does the call without waiting, by [`BlockingCall::attempt`]. Defers signal handlers and thread cancellation until
/// its end.
pub(crate) fn attempt<C: BlockingCall>(call: &mut C) -> Option<C::Output> {
    let _signals = SignalGuard::enter();
    let _uncancelled = Uncancelled::begin();
    call.attempt()
}

/// Drives, or waits while another thread does. Returns `None` if the call must go on, or a signal must be handled.
fn wait_uninterrupted<C: BlockingCall>(
    call: &mut C,
    deadline: &Deadline,
    restarts: bool,
) -> Option<WaitOutcome<C::Output>> {
    let _signals = SignalGuard::enter();
    let _uncancelled = Uncancelled::begin();
    if may_drive()
        && let Some(mut guard) = DriverGuard::try_acquire()
    {
        let exempt = (!threads::is_single()).then(preemption::ExemptInterval::begin);
        let outcome = drive(call, guard.state(), deadline, restarts);
        // A thread that the notifier wakes may preempt this one, which does no work of the server yet.
        drop(guard);
        drop(exempt);
        return outcome;
    }
    wait_for_turn(call, deadline, restarts)
}

/// Waits in the kernel while another thread or process drives. Returns `None` if the call must go on.
fn wait_for_turn<C: BlockingCall>(
    call: &mut C,
    deadline: &Deadline,
    restarts: bool,
) -> Option<WaitOutcome<C::Output>> {
    let is_free = || may_drive() && DriverGuard::is_free();
    let sleep = |call: &C, notification: &Event| {
        let notification = [PollFd::from_borrowed_fd(notification.descriptor(), PollFlags::IN)];
        call.sleep(&notification, deadline.at_most((!may_drive()).then_some(DRIVER_CHECK_INTERVAL)))
    };
    // The inner `None`: the thread ends its wait, to run signal handlers of the server.
    NOTIFIER
        .wait(call, is_free, sleep, |call, slept| match slept {
            _ if signal_guard::is_pending() => Some(None),
            _ if interruption::ends_call(restarts, slept) => Some(Some(WaitOutcome::Interrupted)),
            _ if deadline.has_passed() => {
                deadline.advance_clock();
                Some(Some(call.attempt().map_or(WaitOutcome::TimedOut, WaitOutcome::Done)))
            }
            _ => call.attempt().map(|output| Some(WaitOutcome::Done(output))),
        })
        .flatten()
}

/// Plays the client until the server's own call succeeds. Returns `None` if a signal must be handled.
fn drive<C: BlockingCall>(
    call: &mut C,
    state: &mut DriverState,
    deadline: &Deadline,
    restarts: bool,
) -> Option<WaitOutcome<C::Output>> {
    let mut slept = Ok(());
    state.quiescence.begin();
    loop {
        let others_awake = state.quiescence.others_are_awake();
        // A thread that was awake until now may have made this call ready.
        if !threads::is_single()
            && let Some(output) = call.attempt()
        {
            return Some(WaitOutcome::Done(output));
        }
        if signal_guard::is_pending() {
            return None;
        }
        if interruption::ends_call(restarts, slept) {
            return Some(WaitOutcome::Interrupted);
        }
        // A frozen clock stands still for the driver, too.
        if !clock::is_frozen() && deadline.has_passed() {
            return Some(WaitOutcome::TimedOut);
        }
        if others_awake {
            // A second yield besides the probe's: with only one between two attempts, tokio's code paths vary.
            rustix::thread::sched_yield();
            slept = Ok(());
            continue;
        }
        slept = match state.step() {
            IdleStep::Progress => Ok(()),
            IdleStep::Sleep { until, limit } => call.sleep(&until, deadline.at_most(limit)),
            IdleStep::WaitForTimer if deadline.advance_clock() => return Some(WaitOutcome::TimedOut),
            IdleStep::WaitForTimer => {
                clock::advance(TIMER_WAIT);
                call.sleep(&[], Some(TIMER_WAIT))
            }
            IdleStep::AdvanceClock if threads::is_single() && deadline.advance_clock_past_period() => {
                return Some(WaitOutcome::TimedOut);
            }
            IdleStep::AdvanceClock => Ok(()),
        };
        let done = call.attempt();
        // After the attempt: mostly this thread itself accepts the connections that it makes.
        accept_gate::wake_waiters();
        if let Some(output) = done {
            return Some(WaitOutcome::Done(output));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
    use std::thread;

    use super::super::notifier;
    use super::*;

    static SLEEPS: AtomicUsize = AtomicUsize::new(0);
    static OVER: AtomicBool = AtomicBool::new(false);

    struct CountedWait;

    impl BlockingCall for CountedWait {
        type Output = ();

        fn attempt(&mut self) -> Option<()> {
            OVER.load(SeqCst).then_some(())
        }

        fn sleep(&self, others: &[PollFd<'_>], _: Option<Duration>) -> Result<(), Errno> {
            SLEEPS.fetch_add(1, SeqCst);
            rustix::event::poll(&mut others.to_vec(), None).map(drop)
        }
    }

    /// A thread that releases the driver guard checks for waiting threads, and then notifies. Another thread may have
    /// taken the guard between the two.
    #[test]
    fn stale_notification_keeps_no_thread_awake() {
        let waiter = thread::spawn(|| wait(&mut CountedWait, None));
        while SLEEPS.load(SeqCst) == 0 {
            thread::yield_now();
        }
        for notify in [notifier::notify, notifier::notify_unrecorded] {
            notify();
            thread::sleep(Duration::from_millis(50));
        }
        assert!(SLEEPS.load(SeqCst) <= 5, "slept {} times", SLEEPS.load(SeqCst));
        OVER.store(true, SeqCst);
        notifier::notify();
        assert_eq!(waiter.join().expect("the thread ends"), WaitOutcome::Done(()));
    }
}
