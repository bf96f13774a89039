//! Notifier of threads that wait at idle points: it hands the driver guard on.
//!
//! The last thread to fall asleep may do so in a call that no hook sees (a futex). So as long as a thread waits at an
//! idle point, some thread must hold the guard and check the others. A thread that releases the guard while others wait
//! notifies them. `sockfuzz_handover` has the implementation, and models of it.

use sockfuzz_handover::Notifier;

use crate::sys::event::Event;

pub(super) static NOTIFIER: Notifier<Event> = Notifier::new(Event::new());

/// Wakes the threads that wait, if any; one of them takes the driver guard.
pub(super) fn notify() {
    NOTIFIER.notify();
}

/// Signals the event as [`notify`] does, but does not record that.
#[cfg(test)]
pub(super) fn notify_unrecorded() {
    sockfuzz_handover::Signal::signal(NOTIFIER.event());
}

/// Resets the notifier in a forked child, where no other thread waits and the parent's event is not its own.
pub(crate) fn reset_after_fork() {
    NOTIFIER.reset_after_fork();
}
