//! Preloaded library that makes an unmodified server fuzzable.
//!
//! [`init`] runs before the server's `main` and turns the library on or off. Every libc function in [`table`] calls its
//! hook in [`hooks`]. A call that would block enters the wait loop in [`blocking`], where one thread at a time becomes
//! the [`driver`]. The driver plays the client of one session over the sockets of [`net`] or [`memory_socket`], then
//! begins the next iteration through [`afl_loop`].
//!
//! # Example
//!
//! ```text
//! $ cargo build --release -p sockfuzz-preload
//! $ printf 'GET / HTTP/1.1\r\nHost: a\r\n\r\n' | LD_PRELOAD=target/release/libsockfuzz_preload.so ./server
//! HTTP/1.1 200 OK
//! …
//! ```
//!
//! A `cdylib` has nothing that a Rust program could call; the tests in `tests/` preload it into one small server per
//! behaviour.
//!
//! # Layers
//!
//! Imports go down only, from the first line to the last (`fuzz/tests/layers.rs` checks it):
//!
//! | module | holds |
//! |---|---|
//! | [`init`] | the order of start-up |
//! | [`hooks`] | one function for each interposed libc function, raw system calls, signal handlers |
//! | [`driver`] | the client: playback of sessions, where inputs come from, reruns, oracles |
//! | [`afl_loop`] | start of the forkserver, begin and end of an iteration |
//! | [`transport_trial`] | the comparison of transports for `auto`, before the first input |
//! | [`fork`] | all preparations for a fork, and all clean-up after it |
//! | [`afl`] | AFL++'s runtime, our forkserver, the coverage map |
//! | [`patch`] | changes of the server's code in memory |
//! | [`blocking`] | the wait loop, the driver guard, quiescence of the other threads |
//! | [`memory_socket`] | sockets of transport `memory` |
//! | [`net`] | the listener that is taken over, transports, the accept gate |
//! | [`history`] | all inputs of a process that ended by a finding, the process that saves them |
//! | [`recording`] | what clients send to a real server, for `sockfuzz record` |
//! | [`source_coverage`] | counters of the compiler's own coverage, saved for `sockfuzz cover` |
//! | [`process`] | child processes, daemons, process ids |
//! | [`determinism`] | virtual clock, fixed randomness, scheduling |
//! | [`sandbox`] | confinement of the server |
//! | [`sys`] | libc's real functions, descriptors, `/proc`, messages, configuration |
//! | [`table`] | every exported symbol |

mod afl;
mod afl_loop;
mod blocking;
mod determinism;
mod driver;
mod fork;
mod history;
mod hooks;
mod init;
mod memory_socket;
mod net;
mod patch;
mod process;
mod recording;
mod sandbox;
mod source_coverage;
mod sys;
mod table;
mod transport_trial;

/// Runs before the server's own constructors and `main`.
#[cfg(not(test))]
#[ctor::ctor(unsafe)]
fn constructor() {
    init::run();
}
