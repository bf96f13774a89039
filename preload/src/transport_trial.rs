//! Trial of transport `memory`, for transport `auto` in the loop: before AFL++'s first input, a forked copy of the
//! server answers requests through `memory` and through `unix`. Equal answers choose `memory`.
//!
//! `sockfuzz fuzz` compares the user's seeds before it starts AFL++, and sets the transport. The trial is for AFL++'s
//! tools that a user starts by hand.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use rustix::event::Timespec;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, set_parent_process_death_signal,
    waitid,
};
use rustix::thread::nanosleep;
use sockfuzz_protocol::{Options, Switch, Transport};

use crate::determinism::clock;
use crate::memory_socket;
use crate::sys::shared_pages::{self, Shareable};
use crate::sys::{answer_digest, real, report};

/// Time for all requests, while AFL++ waits for the forkserver (AFL_FORKSRV_INIT_TMOUT, ten seconds by default).
const TIME_LIMIT: Duration = Duration::from_secs(3);

/// Interval of looking for the end of the copy.
const POLL_INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000 };

/// Verdict of the copy, as [`Shared`] holds it; 0 while there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Verdict {
    /// Both transports gave the same answers.
    Equal = 1,
    /// They gave different answers.
    Different = 2,
}

/// Memory that the copy and the original share.
struct Shared(AtomicU32);

// SAFETY: zero means no verdict, and the number is atomic.
unsafe impl Shareable for Shared {}

static SHARED: OnceLock<&Shared> = OnceLock::new();

/// Whether this process is the copy.
static IS_COPY: AtomicBool = AtomicBool::new(false);

/// Whether these options call for a trial in the loop. The trial takes the requests of the warm-up.
pub(crate) fn is_wanted(options: &Options) -> bool {
    options.transport == Transport::Auto && options.warm_up == Switch::On
}

/// Whether this process is the copy, whose client plays the requests of the trial.
pub(crate) fn is_copy() -> bool {
    IS_COPY.load(SeqCst)
}

/// Forks the copy and waits for its verdict; returns `true` in the copy. Unless the answers are equal, the original
/// uses `unix` from now on.
pub(crate) fn run() -> bool {
    let Ok(shared) = shared_pages::map::<Shared>() else {
        memory_socket::switch_to_unix();
        return false;
    };
    let shared = *SHARED.get_or_init(|| shared);
    // SAFETY: a forked child may call only async-signal-safe functions if the process had several threads (fork(2)).
    // It has one, or the other threads sleep in hooks, where they hold no lock of libc.
    match unsafe { real::fork() } {
        0 => {
            let _ = set_parent_process_death_signal(Some(Signal::KILL));
            IS_COPY.store(true, SeqCst);
            answer_digest::enable();
            return true;
        }
        copy => Pid::from_raw(copy).filter(|_| copy > 0).iter().for_each(|copy| await_end(*copy)),
    }
    match shared.0.load(SeqCst) {
        verdict if verdict == Verdict::Equal as u32 => {}
        verdict if verdict == Verdict::Different as u32 => {
            memory_socket::fall_back("it answers differently through memory");
        }
        _ => memory_socket::switch_to_unix(),
    }
    false
}

/// Ends the copy, with this verdict if it has one.
pub(crate) fn conclude(verdict: Option<Verdict>) -> ! {
    if let (Some(shared), Some(verdict)) = (SHARED.get(), verdict) {
        shared.0.store(verdict as u32, SeqCst);
    }
    report::exit(0)
}

/// Waits for the end of the copy, then kills what it has started.
fn await_end(copy: Pid) {
    let deadline = clock::real_now() + TIME_LIMIT;
    let has_ended = || {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        !matches!(waitid(WaitId::Pid(copy), options), Ok(None))
    };
    while !has_ended() && clock::real_now() < deadline {
        let _interrupted = nanosleep(&POLL_INTERVAL);
    }
    // The copy leads a process group of its own, unless it ended before it could form one.
    let _ = kill_process_group(copy, Signal::KILL);
    let _ = kill_process(copy, Signal::KILL);
    let _ = waitid(WaitId::Pid(copy), WaitIdOptions::EXITED);
}
