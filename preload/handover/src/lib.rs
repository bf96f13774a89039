//! State machines by which the server's threads and processes wake each other and hand over the driver's role.
//!
//! They use only atomics and a [`Signal`], which stands for a kernel object (an eventfd in the preload).
//!
//! # Example
//!
//! ```
//! use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
//!
//! use sockfuzz_handover::{AcceptGate, Signal};
//!
//! /// Stands in for an eventfd.
//! #[derive(Default)]
//! struct Event(AtomicBool);
//!
//! impl Signal for Event {
//!     fn prepare(&self) {}
//!     fn signal(&self) {
//!         self.0.store(true, SeqCst);
//!     }
//!     fn take(&self) {
//!         self.0.store(false, SeqCst);
//!     }
//!     fn forget(&self) {}
//! }
//!
//! let gate = AcceptGate::new(Event::default());
//! gate.add_pending();
//! assert!(gate.try_claim(), "the pending connection lets one thread through");
//! assert!(!gate.try_claim(), "and no second one");
//! ```
//!
//! # Models
//!
//! With `--cfg loom`, the atomics are loom's, and the tests explore all interleavings within stated bounds:
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test -p sockfuzz-handover --tests --release --target-dir target/loom
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`driver_lock`] | the lock of the driver thread |
//! | [`notifier`] | wake-ups of threads that wait for the driver lock |
//! | [`wait_queue`] | wake-ups of the threads that wait for an event, and of no others |
//! | [`accept_gate`] | the gate that lets one accepting thread through for each pending connection |
//! | [`forkserver`] | the forkserver's conclusions from its pipes after the death of a child |
//!
//! Each model in `tests/` states its bounds: the number of threads, and the actions of each.

#![forbid(unsafe_code)]

pub mod accept_gate;
pub mod driver_lock;
pub mod forkserver;
pub mod notifier;
pub mod signal;
mod sync;
pub mod wait_queue;

pub use accept_gate::AcceptGate;
pub use driver_lock::DriverLock;
pub use notifier::Notifier;
pub use signal::Signal;
pub use wait_queue::{Place, WaitQueue};
