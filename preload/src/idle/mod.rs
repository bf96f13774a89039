//! Idle points: the calls in which the server would wait.
//!
//! Every interposed call that would block comes here with itself as a [`Call`]. One thread at a
//! time holds the driver's [`role`] and, when the whole server is idle, plays the client from
//! within its own call; the others wait in the kernel, where a [`doorbell`] reaches them when the
//! role is to be handed on.

mod deadline;
mod displaced;
mod doorbell;
mod interruption;
mod owner;
mod quiet;
mod role;
mod threads;

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use sockfuzz_protocol::Phase;

use crate::driver::Step;
use crate::{backlog, clock, report, setup};

use deadline::Deadline;
use role::{Role, State};

pub(crate) use displaced::count as count_displaced;
pub(crate) use interruption::note as note_interruption;
pub(crate) use owner::{
    after_fork, claim_for_this_process, forget_others, share as share_ownership, somebody_serves,
};
pub(crate) use quiet::{Trust, share as share_trust};
pub(crate) use threads::count_descriptors;
pub(crate) use threads::{alone as server_has_one_thread, note_creation as note_thread_creation, open_proc};

/// Real time that a server is given in which only a timer of its own can go on.
const PAUSE: Duration = Duration::from_millis(2);

/// How often a process that does not drive looks whether there still is one that does.
const GLANCE: Duration = Duration::from_secs(1);

/// A call that would block.
pub(crate) trait Call {
    /// What the call returns to the server.
    type Output;

    /// Whether the call goes on after a handler with SA_RESTART, if it has no time limit (signal(7)).
    const RESTARTS: bool = true;

    /// Does the call without waiting; `None` when it would wait.
    fn attempt(&mut self) -> Option<Self::Output>;

    /// Waits in the kernel until [`Call::attempt`] may succeed, one of `others` is ready, or the
    /// time is over.
    ///
    /// # Errors
    /// `EINTR` when a signal handler ran; anything else is taken for readiness.
    fn sleep(&self, others: &[PollFd<'_>], limit: Option<Duration>) -> Result<(), Errno>;
}

/// How a call at an idle point ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waited<T> {
    /// [`Call::attempt`] succeeded.
    Done(T),
    /// The server's own time limit is over.
    TimedOut,
    /// A signal handler ran (`EINTR`).
    Interrupted,
}

/// Set once the server has shown that it waits for connections: before that, a blocking call is
/// part of its start.
static ACCEPTING: AtomicBool = AtomicBool::new(false);

/// The server was seen waiting for connections.
pub(crate) fn note_accepting() {
    if !is_accepting() {
        report::status().reach(Phase::Accepting);
        ACCEPTING.store(true, SeqCst);
        // A thread that fell asleep before may be the only one whose calls are seen.
        doorbell::ring();
    }
}

/// Whether the server was seen waiting for connections.
pub(crate) fn is_accepting() -> bool {
    ACCEPTING.load(SeqCst)
}

/// Whether blocking calls of this process come here: from the moment at which one of its threads
/// could be the driver, and in a process with several threads even before.
pub(crate) fn concerns_this_process() -> bool {
    setup::get().is_some() && (!threads::alone() || engaged())
}

/// Whether the server accepts connections, and this is the process that does.
fn engaged() -> bool {
    is_accepting() && owner::may_drive()
}

/// Waits at an idle point, for at most `limit`.
pub(crate) fn wait<C: Call>(call: &mut C, limit: Option<Duration>) -> Waited<C::Output> {
    interruption::forget();
    let goes_on = C::RESTARTS && limit.is_none();
    if let Some(output) = call.attempt() {
        return Waited::Done(output);
    }
    let deadline = Deadline::after(limit);
    loop {
        if engaged()
            && let Some(mut role) = Role::take()
        {
            let harmless = (!threads::alone()).then(displaced::Harmless::begin);
            let waited = drive(call, role.state(), deadline, goes_on);
            // Whom the bell wakes may push this thread aside, which still does no work of the server's.
            drop(role);
            drop(harmless);
            return waited;
        }
        let waiting = doorbell::Waiting::begin();
        if engaged() && Role::is_free() {
            continue;
        }
        let bell = [PollFd::from_borrowed_fd(doorbell::bell(), PollFlags::IN)];
        let slept = call.sleep(&bell, deadline.at_most((!engaged()).then_some(GLANCE)));
        drop(waiting);
        doorbell::silence();
        let ended = match slept {
            _ if interruption::ends_call(goes_on, slept) => Some(Waited::Interrupted),
            _ if deadline.has_passed() => {
                deadline.jump();
                Some(call.attempt().map_or(Waited::TimedOut, Waited::Done))
            }
            _ => call.attempt().map(Waited::Done),
        };
        if let Some(ended) = ended {
            // The bell may have rung for this thread, which has no time for it.
            if engaged() && Role::is_free() {
                doorbell::ring();
            }
            return ended;
        }
        doorbell::take();
    }
}

/// Plays the client until the server's own call succeeds.
fn drive<C: Call>(call: &mut C, state: &mut State, deadline: Deadline, goes_on: bool) -> Waited<C::Output> {
    let mut slept = Ok(());
    state.watch.begin();
    loop {
        let others_awake = state.watch.others_are_awake();
        // Whoever was awake until now may have made this very call ready.
        if !threads::alone()
            && let Some(output) = call.attempt()
        {
            return Waited::Done(output);
        }
        if interruption::ends_call(goes_on, slept) {
            return Waited::Interrupted;
        }
        // Where time stands still, it does so for the driver above all.
        if !clock::is_frozen() && deadline.has_passed() {
            return Waited::TimedOut;
        }
        if others_awake {
            // Besides the judge's own: with one turn between two attempts, tokio takes other ways now and then.
            rustix::thread::sched_yield();
            slept = Ok(());
            continue;
        }
        slept = match state.driver.step() {
            Step::Acted => Ok(()),
            Step::Sleep { until, limit } => call.sleep(&until, deadline.at_most(limit)),
            Step::LetTimePass if deadline.jump() => return Waited::TimedOut,
            Step::LetTimePass => {
                clock::advance(PAUSE);
                call.sleep(&[], Some(PAUSE))
            }
            Step::Rest if threads::alone() && deadline.rest() => return Waited::TimedOut,
            Step::Rest => Ok(()),
        };
        let done = call.attempt();
        // Connections that are made from here on are mostly accepted here.
        backlog::announce();
        if let Some(output) = done {
            return Waited::Done(output);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize};
    use std::thread;

    use super::*;

    static SLEEPS: AtomicUsize = AtomicUsize::new(0);
    static OVER: AtomicBool = AtomicBool::new(false);

    struct Waits;

    impl Call for Waits {
        type Output = ();

        fn attempt(&mut self) -> Option<()> {
            OVER.load(SeqCst).then_some(())
        }

        fn sleep(&self, others: &[PollFd<'_>], _: Option<Duration>) -> Result<(), Errno> {
            SLEEPS.fetch_add(1, SeqCst);
            rustix::event::poll(&mut others.to_vec(), None).map(drop)
        }
    }

    /// A thread that gives the role away looks whether anybody waits for it, and rings. Another one may
    /// have taken it between the two.
    #[test]
    fn a_bell_that_rings_for_nothing_keeps_nobody_awake() {
        let waiter = thread::spawn(|| wait(&mut Waits, None));
        while SLEEPS.load(SeqCst) == 0 {
            thread::yield_now();
        }
        for ring in [doorbell::ring, doorbell::ring_untold] {
            ring();
            thread::sleep(Duration::from_millis(50));
        }
        assert!(SLEEPS.load(SeqCst) <= 5, "slept {} times", SLEEPS.load(SeqCst));
        OVER.store(true, SeqCst);
        doorbell::ring();
        assert_eq!(waiter.join().expect("ends"), Waited::Done(()));
    }
}
