//! Idle points: the calls in which the server would wait.
//!
//! Every interposed call that would block is handled here, as a [`BlockingCall`]. One thread at a time holds the
//! [`driver_guard`] and, when the whole server is idle ([`quiescence`]), plays the client from within its own call.
//! The others wait in the kernel, where the [`notifier`] wakes one when the guard is free again.

mod accepting;
mod deadline;
pub(crate) mod driver_guard;
mod idle_client;
pub(crate) mod interruption;
mod new_processes;
pub(crate) mod notifier;
pub(crate) mod preemption;
mod process_stat;
mod quiescence;
pub(crate) mod server_exit;
mod wait_loop;
pub(crate) mod yield_probe;

pub(crate) use accepting::{intercepts_calls, is_accepting, mark_accepting};
pub(crate) use idle_client::{IdleClient, IdleStep};
pub(crate) use wait_loop::{BlockingCall, WaitOutcome, attempt, wait};
