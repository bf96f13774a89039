//! State machines of the preload by which the server's threads and processes wake each other and hand a role on.
//!
//! They use nothing but atomics and a [`Signal`], which stands for an object of the kernel's (an eventfd in the
//! preload). So that all interleavings can be explored, the atomics are loom's in a build with `--cfg loom`:
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test -p sockfuzz-handover --release --target-dir target/loom
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`driver_lock`] | which thread is the driver |
//! | [`notifier`] | how a thread that waits for the driver lock is woken |
//! | [`wait_queue`] | how an arrival wakes the threads that wait for it, and no others |
//! | [`accept_gate`] | how each pending connection lets one accepting thread through |
//! | [`forkserver`] | what the forkserver concludes from the pipes when a child has died |
//!
//! Each model in `tests/` states its bounds: how many threads there are, and what each of them does.

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
