//! Status page: observations of the preload so far, for an observer outside the server.
//!
//! It is shared memory, so it survives the server's death and is shared by all its forks. The server can overwrite it
//! like any of its mappings, so an observer uses it only for messages, never for decisions about files.

use std::sync::atomic::{
    AtomicU8, AtomicU32, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release,
};

use crate::SandboxGaps;
use crate::counter::{COUNTERS, Counter};
use crate::inline_counters::InlineCounters;
use crate::port_list::PortList;
use crate::tls_found::TlsFound;

/// Bit beside the gaps: set when the sandbox is on.
const SANDBOXED: u32 = 1 << 31;

const MAGIC: u64 = u64::from_le_bytes(*b"sockfuz1");

/// Progress of the server. Later phases imply the earlier ones.
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

/// Place where the preload found the AFL++ runtime.
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

/// Maximum length of the reason for the fallback from transport `memory`, in bytes.
const REASON: usize = 120;

/// Status page. All zeroes is a valid page: nothing has happened yet.
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
    inline_counters: [AtomicU32; 3],
    tls: AtomicU32,
    other_ports: PortList,
}

impl StatusPage {
    /// Bytes that a file must have so that it can be mapped as a status page.
    pub const FILE_SIZE: usize = 4096;

    /// Returns a page on which nothing has happened yet.
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
            inline_counters: [const { AtomicU32::new(0) }; 3],
            tls: AtomicU32::new(0),
            other_ports: PortList::new(),
        }
    }

    /// Records a piece of an answer, and the class of its status code if it begins with one.
    pub fn record_answer(&self, piece: &[u8]) {
        self.reach(Phase::Answered);
        if let Some(class) = Counter::of_answer(piece) {
            self.add(class, 1);
        }
    }

    /// Records that the server came at least as far as `phase`.
    pub fn reach(&self, phase: Phase) {
        self.magic.store(MAGIC, Relaxed);
        if self.phase.load(Relaxed) < phase as u32 {
            self.phase.fetch_max(phase as u32, Relaxed);
        }
    }

    /// Returns the progress of the server.
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

    /// Returns where the AFL++ runtime was found.
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

    /// Returns the process that accepts connections (or, before that, listens); 0 while there is none.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid.load(Relaxed)
    }

    /// Returns the port that the server listens on, as shown to the server; 0 when unknown.
    #[must_use]
    pub fn port(&self) -> u16 {
        u16::try_from(self.port.load(Relaxed)).unwrap_or(0)
    }

    /// Records the port of a listener that is not the one taken over.
    pub fn note_other_port(&self, port: u16) {
        self.other_ports.note(port);
    }

    /// Returns the ports of the server's other listeners, up to four of them.
    #[must_use]
    pub fn other_ports(&self) -> Vec<u16> {
        self.other_ports.ports()
    }

    /// Records that the sandbox is on, and its gaps.
    pub fn set_sandbox_gaps(&self, gaps: SandboxGaps) {
        self.sandbox.store(SANDBOXED | gaps.bits(), Relaxed);
    }

    /// Returns the gaps of the sandbox; `None` while it is off.
    #[must_use]
    pub fn sandbox_gaps(&self) -> Option<SandboxGaps> {
        let kept = self.sandbox.load(Relaxed);
        (kept & SANDBOXED != 0).then(|| SandboxGaps::from_bits(kept))
    }

    /// Records the fallback from transport `memory`, and its reason: what the server does, as a clause "it …".
    pub fn set_memory_fallback(&self, it: &str) {
        for (place, byte) in self.reason.iter().zip(it.bytes()) {
            place.store(byte, Relaxed);
        }
        self.memory_fallback.store(it.len().clamp(1, REASON) as u32, Release);
    }

    /// Returns the reason for the fallback from transport `memory`; `None` if it was not left, or not requested.
    #[must_use]
    pub fn memory_fallback(&self) -> Option<String> {
        let len = self.memory_fallback.load(Acquire) as usize;
        let kept: Vec<u8> = self.reason.iter().take(len).map(|byte| byte.load(Relaxed)).collect();
        (len > 0).then(|| String::from_utf8_lossy(&kept).into_owned())
    }

    /// Records what has become of the calls that count edges.
    pub fn set_inline_counters(&self, found: InlineCounters) {
        for (place, word) in self.inline_counters.iter().zip(found.to_words()) {
            place.store(word, Relaxed);
        }
    }

    /// Returns what has become of the calls that count edges; `None` if the server has none, or they were to be left alone.
    #[must_use]
    pub fn inline_counters(&self) -> Option<InlineCounters> {
        InlineCounters::from_words(self.inline_counters.each_ref().map(|word| word.load(Relaxed)))
    }

    /// Records what the server speaks.
    pub fn set_tls(&self, found: TlsFound) {
        self.tls.store(found.to_word(), Relaxed);
    }

    /// Returns what the server speaks; `None` before the client knows.
    #[must_use]
    pub fn tls(&self) -> Option<TlsFound> {
        TlsFound::from_word(self.tls.load(Relaxed))
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

    /// Adds all counters of another page.
    pub fn add_counters_of(&self, other: &Self) {
        for (counter, amount) in self.counters.iter().zip(&other.counters) {
            counter.fetch_add(amount.load(Relaxed), Relaxed);
        }
    }

    /// Returns the current value of a counter.
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
    fn an_empty_page_is_in_phase_absent() {
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
    fn a_long_reason_for_the_fallback_is_truncated() {
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
        let sum = StatusPage::default();
        sum.add_counters_of(&page);
        sum.add_counters_of(&page);
        assert_eq!((sum.count(Counter::Iterations), sum.count(Counter::Accepted)), (6, 0));
    }
}
