//! The status page: what the preload has seen so far, for an observer outside the server.
//!
//! It is shared memory, so it survives the server's death and is shared by all its forks. The
//! server can scribble over it like over anything that it maps; an observer believes it only
//! for messages, never for decisions about files.

use std::sync::atomic::{
    AtomicU8, AtomicU32, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release,
};

use crate::SandboxGaps;

/// Beside the gaps: the sandbox was put on at all.
const SANDBOXED: u32 = 1 << 31;

const MAGIC: u64 = u64::from_le_bytes(*b"sockfuz1");

/// How far the server has come. Later phases imply the earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Phase {
    /// The preload was never loaded: a static binary, or one that drops its environment.
    Absent = 0,
    /// The preload is in the process.
    Loaded = 1,
    /// A listener was taken over.
    Listening = 2,
    /// The server waits for connections on it.
    Accepting = 3,
    /// An internal connection was made.
    Connected = 4,
    /// The server accepted it.
    Accepted = 5,
    /// The server answered at least one byte.
    Answered = 6,
    /// The single run, or at least one iteration, is over.
    Finished = 7,
}

impl Phase {
    const ALL: [Self; 8] = [
        Self::Absent,
        Self::Loaded,
        Self::Listening,
        Self::Accepting,
        Self::Connected,
        Self::Accepted,
        Self::Answered,
        Self::Finished,
    ];
}

/// Where the preload found the AFL++ runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum RuntimeFound {
    /// Nowhere: the server is not instrumented.
    Nowhere = 0,
    /// In the dynamic symbols (afl-cc).
    DynamicSymbols = 1,
    /// In the executable's `.symtab` (cargo afl build).
    SymbolTable = 2,
}

/// What is counted over all processes of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Counter {
    /// Iterations begun.
    Iterations,
    /// Connections that the server accepted.
    Accepted,
    /// Bytes that the server answered.
    AnswerBytes,
    /// Connections that an idle server never accepted.
    Unaccepted,
    /// Connections that an idle server never closed, although the client had hung up.
    Abandoned,
    /// Server processes that ran at least one iteration.
    Processes,
    /// Iterations of the processes whose descriptors were counted: those that ran their share.
    Measured,
    /// Processes that were started and waiting when their turn came.
    Spares,
    /// How many more descriptors these had open at the end than after their warm-up.
    Leaked,
    /// Ends of the server in the middle of an iteration by which it exited: no signal was involved.
    Exits,
    /// Ends of the server by a fault of the preload's own.
    InternalErrors,
    /// Warm-ups that were left out, because the server had ended in one.
    WarmUpsLeftOut,
    /// Bytes of memory that the measured processes occupied at the end more than after their warm-up.
    LeakedMemory,
    /// Threads that they had more.
    LeakedThreads,
    /// Processes that they had forked and not reaped, more.
    LeakedProcesses,
    /// Processes that the server was not allowed to fork.
    ForksRefused,
    /// Processes that ended before their share of iterations was over, because they had taken too much.
    EarlyEnds,
    /// Ends of the server, by a crash or an exit, between two iterations.
    EndsBetween,
    /// Crashes of processes that live beside the one that accepts, which ended the campaign.
    ProcessesLost,
}

const COUNTERS: usize = Counter::ProcessesLost as usize + 1;

/// Bytes of the reason for leaving transport `memory` that are kept.
const REASON: usize = 120;

/// The page itself. All zeroes is a valid page: nothing has happened yet.
#[derive(Debug)]
#[repr(C)]
pub struct StatusPage {
    magic: AtomicU64,
    phase: AtomicU32,
    runtime: AtomicU32,
    pid: AtomicU32,
    port: AtomicU32,
    sandbox: AtomicU32,
    memory_fallback: AtomicU32,
    hash_keys: AtomicU32,
    counters: [AtomicU64; COUNTERS],
    reason: [AtomicU8; REASON],
}

impl StatusPage {
    /// Bytes that a file must have to be mapped as a status page.
    pub const FILE_SIZE: usize = 4096;

    /// A page on which nothing has happened yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            magic: AtomicU64::new(0),
            phase: AtomicU32::new(0),
            runtime: AtomicU32::new(0),
            pid: AtomicU32::new(0),
            port: AtomicU32::new(0),
            sandbox: AtomicU32::new(0),
            memory_fallback: AtomicU32::new(0),
            hash_keys: AtomicU32::new(0),
            counters: [const { AtomicU64::new(0) }; COUNTERS],
            reason: [const { AtomicU8::new(0) }; REASON],
        }
    }

    /// Records that the server came at least as far as `phase`.
    pub fn reach(&self, phase: Phase) {
        self.magic.store(MAGIC, Relaxed);
        if self.phase.load(Relaxed) < phase as u32 {
            self.phase.fetch_max(phase as u32, Relaxed);
        }
    }

    /// How far the server has come.
    #[must_use]
    pub fn phase(&self) -> Phase {
        if self.magic.load(Relaxed) != MAGIC {
            return Phase::Absent;
        }
        let reached = self.phase.load(Relaxed) as usize;
        Phase::ALL.get(reached).copied().unwrap_or(Phase::Loaded)
    }

    /// Records where the AFL++ runtime was found.
    pub fn set_runtime(&self, found: RuntimeFound) {
        self.runtime.store(found as u32, Relaxed);
    }

    /// Where the AFL++ runtime was found.
    #[must_use]
    pub fn runtime(&self) -> RuntimeFound {
        match self.runtime.load(Relaxed) {
            1 => RuntimeFound::DynamicSymbols,
            2 => RuntimeFound::SymbolTable,
            _ => RuntimeFound::Nowhere,
        }
    }

    /// Records the port of the listener taken over; 0 when it has none.
    pub fn set_port(&self, port: u16) {
        self.port.store(u32::from(port), Relaxed);
    }

    /// Records the process that accepts connections.
    pub fn set_pid(&self, pid: u32) {
        self.pid.store(pid, Relaxed);
    }

    /// Process that accepts connections (or, before it does, listens); 0 while there is none.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid.load(Relaxed)
    }

    /// Port that the server believes it listens on; 0 when unknown.
    #[must_use]
    pub fn port(&self) -> u16 {
        u16::try_from(self.port.load(Relaxed)).unwrap_or(0)
    }

    /// Records that the sandbox is on, and what it does not protect.
    pub fn set_sandbox_gaps(&self, gaps: SandboxGaps) {
        self.sandbox.store(SANDBOXED | gaps.bits(), Relaxed);
    }

    /// What the sandbox does not protect; none while it is not on.
    #[must_use]
    pub fn sandbox_gaps(&self) -> Option<SandboxGaps> {
        let kept = self.sandbox.load(Relaxed);
        (kept & SANDBOXED != 0).then(|| SandboxGaps::from_bits(kept))
    }

    /// Records that transport `memory` was asked for and left, and what the server does: "it …".
    pub fn set_memory_fallback(&self, it: &str) {
        for (place, byte) in self.reason.iter().zip(it.bytes()) {
            place.store(byte, Relaxed);
        }
        self.memory_fallback.store(it.len().clamp(1, REASON) as u32, Release);
    }

    /// Why transport `memory` was left; none where it was not, or not asked for.
    #[must_use]
    pub fn memory_fallback(&self) -> Option<String> {
        let len = self.memory_fallback.load(Acquire) as usize;
        let kept: Vec<u8> = self.reason.iter().take(len).map(|byte| byte.load(Relaxed)).collect();
        (len > 0).then(|| String::from_utf8_lossy(&kept).into_owned())
    }

    /// Records that the server has drawn keys for maps of Rust's std.
    pub fn note_hash_keys(&self) {
        self.hash_keys.store(1, Relaxed);
    }

    /// Whether the server has drawn keys for maps of Rust's std.
    #[must_use]
    pub fn has_hash_keys(&self) -> bool {
        self.hash_keys.load(Relaxed) != 0
    }

    /// Adds `amount` to a counter.
    pub fn add(&self, counter: Counter, amount: u64) {
        self.counters[counter as usize].fetch_add(amount, Relaxed);
    }

    /// Current value of a counter.
    #[must_use]
    pub fn count(&self, counter: Counter) -> u64 {
        self.counters[counter as usize].load(Relaxed)
    }
}

impl Default for StatusPage {
    fn default() -> Self {
        Self::new()
    }
}

const _: () = assert!(size_of::<StatusPage>() <= StatusPage::FILE_SIZE);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_untouched_page_says_absent() {
        assert_eq!(StatusPage::new().phase(), Phase::Absent);
    }

    #[test]
    fn phases_never_go_back() {
        let page = StatusPage::new();
        for phase in [Phase::Accepting, Phase::Loaded] {
            page.reach(phase);
        }
        assert_eq!(page.phase(), Phase::Accepting);
    }

    #[test]
    fn the_reason_for_leaving_memory_is_kept_as_far_as_there_is_room() {
        let page = StatusPage::new();
        assert_eq!(page.memory_fallback(), None);
        page.set_memory_fallback("it forks");
        assert_eq!(page.memory_fallback().as_deref(), Some("it forks"));
        page.set_memory_fallback(&"x".repeat(2 * REASON));
        assert_eq!(page.memory_fallback(), Some("x".repeat(REASON)));
    }

    #[test]
    fn counters_do_not_share_a_slot() {
        let page = StatusPage::new();
        page.add(Counter::Iterations, 3);
        page.add(Counter::Processes, 1);
        assert_eq!(
            (page.count(Counter::Iterations), page.count(Counter::Accepted), page.count(Counter::Processes)),
            (3, 0, 1)
        );
    }
}
