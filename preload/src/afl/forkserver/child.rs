//! A child of the forkserver, as the forkserver sees it: its birth, its end.

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

/// Between two looks at something that does not wake us.
pub(super) const POLL_INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };

/// What a start may take at the forkserver's expense. AFL++ would wait for ever; a start that takes
/// longer is a part of the first iteration.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// The forkserver's process id, for its children.
static FORKSERVER_PID: AtomicI32 = AtomicI32::new(0);

/// A process, from its fork until it is reaped.
pub(super) struct Child {
    pub(super) id: Pid,
    pub(super) state: &'static ChildState,
    /// When it was forked (CLOCK_MONOTONIC).
    born: Duration,
}

impl Child {
    /// `None` in the child.
    pub(super) fn fork(state: &'static ChildState, spare: bool) -> Option<Self> {
        state.reset(spare);
        let born = clock::real_now();
        FORKSERVER_PID.store(number(Some(rustix::process::getpid())), Relaxed);
        // SAFETY: the process has one thread, or only those that the server has made; libc's own fork
        // puts its locks in order.
        match unsafe { real::fork() } {
            0 => {
                // Without a forkserver nobody would ever stop this process.
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

    /// Waits until it is ready for its first input, or will not be.
    pub(super) fn await_ready(&self) {
        while !self.state.await_ready(&POLL_INTERVAL)
            && self.end(WaitIdOptions::NOHANG).is_none()
            && clock::real_now() - self.born < START_TIMEOUT
        {}
    }

    /// How it has ended, as wait(2) would say it, without reaping it.
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

    /// Whether it has ended in its warm-up, and the next one has none because of that.
    pub(super) fn ended_in_warm_up(&self, page: &ForkserverPage) -> bool {
        let ended = config::get().is_some_and(|config| config.options.warm_up == Switch::On)
            && !self.state.is_ready()
            && !self.state.ends_as_planned()
            && self.end(WaitIdOptions::NOHANG).is_some();
        let is_news = ended && page.leave_out_warm_up();
        if is_news {
            report::status().add(Counter::WarmUpsLeftOut, 1);
            report::emit(format_args!("the server ends in the requests of the warm-up: they are left out"));
        }
        is_news
    }

    pub(super) fn kill(&self) -> bool {
        kill_process(self.id, Signal::KILL).is_ok()
    }

    /// To be called when it has ended.
    pub(super) fn reap(self) {
        let _ = waitid(WaitId::Pid(self.id), WaitIdOptions::EXITED);
    }
}

/// In the forkserver: ends the campaign where a process has crashed that lives beside the children. They cannot work
/// without it, and no fork brings it back.
pub(super) fn refuse_without_relatives() {
    if let Some(Crash { pid, signal }) = relatives::lasting_crash() {
        report::status().add(Counter::ProcessesLost, 1);
        relatives::kill();
        report::fatal(format_args!(
            "process {pid} of the server was killed by signal {signal}, and the one that accepts cannot start it again"
        ));
    }
}

/// In a child: a server that changes its user is not told of its forkserver's death.
pub(super) fn exit_without_forkserver() {
    if number(getppid()) != FORKSERVER_PID.load(Relaxed) {
        report::exit(0);
    }
}

fn number(process: Option<Pid>) -> i32 {
    process.map_or(0, |process| process.as_raw_nonzero().get())
}
