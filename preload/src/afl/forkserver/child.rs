//! Child of the forkserver, from its fork to its end, as the forkserver handles it.

use rustix::event::Timespec;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus, getppid, kill_process, set_parent_process_death_signal,
    waitid,
};
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};
use std::time::Duration;

use sockfuzz_protocol::{Counter, Switch};

use super::child_state::{ChildState, ForkserverPage};
use crate::determinism::clock;
use crate::process::relatives::{self, Crash};
use crate::sys::{config, real, report};

/// Interval between two checks of conditions that cannot wake the forkserver.
pub(super) const POLL_INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };

/// Time for which the forkserver waits for a child to start, because AFL++ has no time limit for this. The rest of a
/// longer start is a part of the first iteration.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// The forkserver's process id, for its children.
static FORKSERVER_PID: AtomicI32 = AtomicI32::new(0);

/// Child process, from its fork until it is reaped.
pub(super) struct Child {
    pub(super) id: Pid,
    pub(super) state: &'static ChildState,
    /// When it was forked (CLOCK_MONOTONIC).
    born: Duration,
}

impl Child {
    /// Forks a child. Returns `None` in the child.
    pub(super) fn fork(state: &'static ChildState, spare: bool) -> Option<Self> {
        state.reset(spare);
        let born = clock::real_now();
        FORKSERVER_PID.store(number(Some(rustix::process::getpid())), Relaxed);
        // SAFETY: the child must not need locks that another thread held. The process has one thread, or others that
        // belong to the server and sleep; libc's fork makes libc's own locks usable in the child.
        match unsafe { real::fork() } {
            0 => {
                // Without the forkserver, nothing would end this process.
                let _ = set_parent_process_death_signal(Some(Signal::KILL));
                state.take_announcements();
                exit_without_forkserver();
                None
            }
            child => match (child > 0).then(|| Pid::from_raw(child)).flatten() {
                Some(id) => Some(Self { id, state, born }),
                None => report::fatal(format_args!(
                    "the server cannot be forked: {}",
                    std::io::Error::last_os_error()
                )),
            },
        }
    }

    /// Waits until it is ready for its first input, has ended, or [`START_TIMEOUT`] is over.
    pub(super) fn await_ready(&self) {
        while !self.state.await_ready(&POLL_INTERVAL)
            && self.end(WaitIdOptions::NOHANG).is_none()
            && clock::real_now() - self.born < START_TIMEOUT
        {}
    }

    /// Returns its wait status (wait(2)) if it has ended, without reaping it.
    pub(super) fn end(&self, options: WaitIdOptions) -> Option<u32> {
        let options = options | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let ended: WaitIdStatus = waitid(WaitId::Pid(self.id), options).ok()??;
        let dumped = if ended.dumped() { 0x80 } else { 0 };
        match (ended.exit_status(), ended.terminating_signal()) {
            (Some(status), _) => Some((status.cast_unsigned() & 0xff) << 8),
            (None, Some(signal)) => Some(signal.cast_unsigned() | dumped),
            (None, None) => None,
        }
    }

    /// Whether it is the first child to end in its warm-up. Later children then have no warm-up.
    pub(super) fn ended_in_warm_up(&self, page: &ForkserverPage) -> bool {
        let ended = config::get().is_some_and(|config| config.options.warm_up == Switch::On)
            && !self.state.is_ready()
            && !self.state.ends_as_planned()
            && self.end(WaitIdOptions::NOHANG).is_some();
        let is_news = ended && page.leave_out_warm_up();
        if is_news {
            report::status().add(Counter::WarmUpsLeftOut, 1);
            report::emit(format_args!("the server ended in the warm-up requests: going on without them"));
        }
        is_news
    }

    pub(super) fn kill(&self) -> bool {
        kill_process(self.id, Signal::KILL).is_ok()
    }

    /// Reaps the child, which must have ended.
    pub(super) fn reap(self) {
        let _ = waitid(WaitId::Pid(self.id), WaitIdOptions::EXITED);
    }
}

/// In the forkserver: ends the campaign if a process of the server beside the children has crashed. The children cannot
/// work without it, and no fork restores it.
pub(super) fn refuse_without_relatives() {
    if let Some(Crash { pid, signal }) = relatives::lasting_crash() {
        report::status().add(Counter::ProcessesLost, 1);
        relatives::kill();
        report::fatal(format_args!(
            "process {pid} of the server was killed by signal {signal}, and the accepting process cannot restart it"
        ));
    }
}

/// In a child: exits if the forkserver has died. The kernel sends no signal for that if the server has changed its user
/// (prctl(2), PR_SET_PDEATHSIG).
pub(super) fn exit_without_forkserver() {
    if number(getppid()) != FORKSERVER_PID.load(Relaxed) {
        report::exit(0);
    }
}

fn number(process: Option<Pid>) -> i32 {
    process.map_or(0, |process| process.as_raw_nonzero().get())
}
