//! The library that is preloaded into a server and makes it fuzzable.
//!
//! Reading order: [`exports`] lists every libc function that is interposed; each goes to a
//! function in [`calls`]. A call in which the server would wait ends up in [`idle`], where one
//! thread at a time becomes the [`driver`]: it plays the client of one session over a
//! [`transport`], then begins the next iteration through [`afl`]. [`setup`] runs before the
//! server's `main` and decides whether any of this happens.

mod activation;
mod address;
mod afl;
mod background;
mod backlog;
mod calls;
mod children;
mod clock;
mod descriptors;
mod driver;
mod errno;
mod event;
mod exports;
mod identity;
mod idle;
mod listener;
mod memory;
mod next;
mod panics;
mod randomness;
mod report;
mod sandbox;
mod sanitizers;
mod scheduling;
mod setup;
mod stdio;
mod transport;
#[cfg(target_arch = "x86_64")]
mod trap;

/// Runs before the server's own constructors and `main`.
#[cfg(not(test))]
#[ctor::ctor(unsafe)]
fn enter() {
    setup::enter();
}
