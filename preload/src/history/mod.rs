//! Histories: all inputs of a process that ended by a finding. The cause of the last iteration may be an input long
//! before it.
//!
//! A process of the loop keeps its inputs in a [`ring`] that outlives it. When it has ended, the forkserver names the
//! finding, and the [`recorder`] writes the ring to a file. That is a process of its own outside of the sandbox, so
//! neither the server nor the forkserver can change what it has written. Where a process crashed is known from a handler
//! of its own ([`crash_site`]), which also records the stack in a single run ([`crash_stack`]).

pub(crate) mod crash_site;
pub(crate) mod crash_stack;
mod modules;
mod recorder;
mod registers;
mod ring;
pub(crate) mod signal_stack;
mod unwinder;

use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicPtr, Ordering::Relaxed};

use rustix::fs::{Mode, OFlags, open};
use sockfuzz_protocol::specs;

use crate::sys::fd_table::{self, FdKind};
use crate::sys::{fd, report};
use crash_site::CrashSite;
use recorder::SaveOutcome;
use ring::{Ring, RingPair};

/// Rings of the running child and of the next one, once there are any.
static RINGS: OnceLock<RingPair> = OnceLock::new();

/// The forkserver's end of the connection to the recorder; -1 if there is none.
static RECORDER: AtomicI32 = AtomicI32::new(-1);

/// Ring of this process; null if it keeps no history.
static CURRENT: AtomicPtr<Ring> = AtomicPtr::new(ptr::null_mut());

/// Starts to keep histories in this directory. To be called before the sandbox closes, by the first process of the loop.
pub(crate) fn keep_in(directory: &str) {
    if let Err(error) = start(directory) {
        report::emit(format_args!(
            "no histories are kept: {}={directory} cannot be used: {error}",
            specs::HISTORIES.variable
        ));
    }
}

fn start(directory: &str) -> rustix::io::Result<()> {
    let directory = open(directory, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let rings = RingPair::map()?;
    RECORDER.store(recorder::split_off(&rings, directory)?, Relaxed);
    let _ = RINGS.set(rings);
    Ok(())
}

/// Begins the history of this process, a child of the forkserver in this place, and watches for its crash. The process
/// can neither reach the recorder any more nor the history of another process.
pub(crate) fn begin(place: usize, site: &'static CrashSite) {
    let Some(rings) = RINGS.get() else { return };
    disconnect();
    CURRENT.store(ptr::from_ref(rings.keep_only(place)).cast_mut(), Relaxed);
    crash_site::watch(site);
}

/// Adds an input that is about to run.
pub(crate) fn record(input: &[u8]) {
    // SAFETY: the pointer is null or that of a ring, which is never unmapped in this process.
    if let Some(ring) = unsafe { CURRENT.load(Relaxed).as_ref() } {
        crash_site::begin_iteration();
        ring.push(input);
    }
}

/// Returns the bytes of this process's memory that its history takes, and not the server.
pub(crate) fn resident_bytes() -> u64 {
    // SAFETY: the pointer is null or that of a ring, which is never unmapped in this process.
    unsafe { CURRENT.load(Relaxed).as_ref() }.map_or(0, Ring::resident_bytes)
}

/// Ends the history of this process, which the server has forked: its inputs belong to its parent.
pub(crate) fn end_after_fork() {
    CURRENT.store(ptr::null_mut(), Relaxed);
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// By this signal.
    Signal(i32),
    /// By an exit with this status.
    Exit(i32),
    /// AFL++ has killed it at its time limit; the number stands for the code that it had run.
    Hang(u64),
    /// By a fault of the preload.
    InternalError,
}

/// In the forkserver: saves the history of the child in this place, which has ended. Returns when it is written, so that
/// another child may take the place.
pub(crate) fn save(place: usize, ending: Ending, site: &CrashSite) {
    let recorder = RECORDER.load(Relaxed);
    if recorder < 0 {
        return;
    }
    let name = match ending {
        Ending::Signal(signal) => format!("sig:{signal:02}{}", modules::describe(&site.addresses())),
        Ending::Exit(status) => format!("exit:{status}"),
        Ending::Hang(code) => format!("hang,at:~{:08x}", code as u32),
        Ending::InternalError => "internal".to_owned(),
    };
    let outcome = recorder::request(fd::borrow(recorder), place, &name);
    if outcome != SaveOutcome::Written {
        report::emit(format_args!("histories are no longer saved: {outcome}"));
        disconnect();
    }
}

/// Closes the connection to the recorder.
fn disconnect() {
    let recorder = RECORDER.swap(-1, Relaxed);
    if recorder >= 0 {
        fd_table::set(recorder, FdKind::Unmanaged);
        // SAFETY: the descriptor is that of the connection, which nothing uses any more.
        unsafe { rustix::io::close(recorder) };
    }
}
