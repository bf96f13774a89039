//! Table of all options of the preload. Help texts, the README and the parser use it.

mod input;
mod output;
mod surroundings;
mod tls;
mod verdicts;

pub use input::{ANSWERS, BATCH, INPUT};
pub use output::{ANSWER_RING, CRASHES, HISTORIES, RECORDING, STATUS, WRITE_COVERAGE};
pub use surroundings::{NETWORK, RELOCATE, SANDBOX, WRITABLE};
pub use tls::{CLIENT_CERTIFICATE, KEY_LOG, SNI, SPLIT_RECORDS, TLS};
pub use verdicts::{CHILDREN, DEAD_ACCEPT, EXITS, PANICS};

/// Row of the table: names, values, default and meaning of an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionSpec {
    /// Environment variable that the preload reads.
    pub variable: &'static str,
    /// Flag of the command line (without the dashes) that sets it.
    pub flag: &'static str,
    /// Placeholder for the value in help texts.
    pub value: &'static str,
    /// Default value; empty if the option is then off.
    pub default: &'static str,
    /// Description for the user.
    pub meaning: &'static str,
    /// Name in the previous release, accepted in this one.
    pub former: Option<FormerName>,
}

/// Name of an option in the previous release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormerName {
    /// Environment variable.
    pub variable: &'static str,
    /// Flag, without the dashes.
    pub flag: &'static str,
}

/// Mode: a single run or the loop.
pub const MODE: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_MODE",
    flag: "mode",
    value: "auto|once|loop|record|off",
    default: "auto",
    meaning: "once: send stdin to the server, and print its answer; loop: AFL++'s persistent loop; record: save what \
              clients send; off: nothing but relocation; auto: loop if an AFL++ tool started the server, otherwise once",
    former: None,
};

/// Transport: the way in which bytes reach the server.
pub const TRANSPORT: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_TRANSPORT",
    flag: "transport",
    value: "auto|unix|tcp|memory",
    default: "auto",
    meaning: "auto: memory if it gives the same answers as unix, otherwise unix (sockfuzz check and fuzz compare the \
              seeds; without them, the library compares the requests of the warm-up in the loop, and a single run uses \
              unix); unix: the listener becomes a UNIX-domain socket, and the server does not notice; tcp: a real \
              loopback connection to a port that the kernel chooses; memory: as unix, but bytes and readiness never \
              reach the kernel; not for a process per connection",
    former: None,
};

/// Listener to take over.
pub const PORT: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_PORT",
    flag: "port",
    value: "PORT|PATH",
    default: "",
    meaning: "port of the listener to take over, or the path of a UNIX-domain listener (@NAME: an abstract one); \
              without it, the first TCP listener",
    former: None,
};

/// Socket activation: whether the server inherits its listener.
pub const SOCKET_ACTIVATION: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_SOCKET_ACTIVATION",
    flag: "socket-activation",
    value: "on|off",
    default: "off",
    meaning: "on: the server inherits its listener at descriptor 3, as from systemd (LISTEN_FDS)",
    former: None,
};

/// Iterations per process.
pub const ITERATIONS: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_ITERATIONS",
    flag: "iterations",
    value: "COUNT",
    default: "10000",
    meaning: "iterations of one server process, before a new process replaces it",
    former: None,
};

/// Memory limit of a process.
pub const MEMORY: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_MEMORY",
    flag: "memory",
    value: "MEBIBYTES",
    default: "1024",
    meaning: "in the loop, memory that a server process may occupy in addition to that after its warm-up, before a new \
              process replaces it",
    former: None,
};

/// Spare: whether the next process is started in advance.
pub const SPARE: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_SPARE",
    flag: "spare",
    value: "on|off",
    default: "on",
    meaning: "on: in loop direct, keep the next server process started and waiting, so that fuzzing continues at once \
              after a crash, a timeout, or the last iteration of a process",
    former: None,
};

/// Loop: the way in which processes are forked and iterations follow each other.
pub const LOOP: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_LOOP",
    flag: "loop",
    value: "auto|direct|afl",
    default: "auto",
    meaning: "direct: the server's process exchanges messages with AFL++ itself; afl: the persistent loop of the AFL++ \
              runtime in the server; auto: direct if the version of the runtime is known, otherwise afl",
    former: None,
};

/// Warm-up requests before the first counted iteration.
pub const WARM_UP: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_WARM_UP",
    flag: "warm-up",
    value: "on|off",
    default: "on",
    meaning: "on: in the loop, the server first answers a few plain requests that are not counted, so that \
              initialisation at the first request is complete",
    former: None,
};

/// Reruns of unrepresentative iterations.
pub const RERUN: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_RERUN",
    flag: "rerun",
    value: "on|off",
    default: "on",
    meaning: "on: in the loop, run an input again if it has coverage that was never reported, or if the kernel \
              preempted a thread, and report only the last run: in the first run, servers allocate, grow and cache",
    former: Some(FormerName { variable: "SOCKFUZZ_SETTLE", flag: "settle" }),
};

/// Time limit of afl-fuzz for one execution.
pub const TIME_LIMIT: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_TIME_LIMIT",
    flag: "time-limit",
    value: "MILLISECONDS",
    default: "20",
    meaning: "afl-fuzz's time limit for one input (sockfuzz fuzz sets it); all runs of an input together take at most \
              half of it; 20 is the minimum that afl-fuzz chooses by itself",
    former: None,
};

/// Advance of the virtual clock between iterations.
pub const ADVANCE_CLOCK: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_ADVANCE_CLOCK",
    flag: "advance-clock",
    value: "on|off",
    default: "off",
    meaning: "on: in the loop, with the virtual clock, a minute passes at the end of each iteration, for a server with \
              one thread that waits with a time limit: it empties its caches, so every input finds the same state; \
              this takes time (lighttpd: stabler, at 0.6 of its speed)",
    former: Some(FormerName { variable: "SOCKFUZZ_REST", flag: "rest" }),
};

/// Clock that the server sees.
pub const CLOCK: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_CLOCK",
    flag: "clock",
    value: "virtual|real",
    default: "virtual",
    meaning: "virtual: in the loop, time stands still while the server works, and jumps when it waits only for a timer \
              (not in servers that fork); real: the time of the machine",
    former: None,
};

/// Randomness that the server sees.
pub const RANDOMNESS: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_RANDOMNESS",
    flag: "randomness",
    value: "fixed|real",
    default: "fixed",
    meaning: "fixed: in the loop, getrandom, /dev/urandom and similar sources give the same bytes in every iteration, \
              and `rand` and the hash keys of Rust's HashMaps start from the same state; real: the bytes of the kernel",
    former: None,
};

/// Coverage gate.
pub const GATE: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_GATE",
    flag: "gate",
    value: "on|off",
    default: "on",
    meaning: "on: in the loop, AFL++ does not see coverage outside of iterations: from the start of the server, its \
              warm-up, and background threads between two inputs",
    former: None,
};

/// Counters in the code instead of calls.
pub const INLINE_COUNTERS: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_INLINE_COUNTERS",
    flag: "inline-counters",
    value: "on|off",
    default: "on",
    meaning: "on: in the loop, the server's calls of the function that counts an edge are replaced in memory by an \
              instruction that counts it, where their code is exactly as expected (x86-64, with the coverage gate), and \
              those that record comparisons are left out where AFL++ does not read them; off: the server's code stays as it is",
    former: None,
};

/// Interception of system calls that bypass libc.
pub const SYSCALLS: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_SYSCALLS",
    flag: "syscalls",
    value: "auto|libc|trap",
    default: "auto",
    meaning: "libc: intercept only system calls through libc; trap: a seccomp filter intercepts those of every object \
              that makes system calls by itself; auto: only those of objects that wait or accept by themselves",
    former: None,
};

/// Time to wait after the half-close.
pub const LINGER: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_LINGER",
    flag: "linger",
    value: "MILLISECONDS",
    default: "1000",
    meaning: "in a single run, time for which an idle server may keep the half-closed connection open before the \
              client closes it",
    former: None,
};

/// All rows, in the order of the help texts.
pub const ALL: &[&OptionSpec] = &[
    &MODE,
    &TRANSPORT,
    &INPUT,
    &BATCH,
    &ANSWERS,
    &PORT,
    &SOCKET_ACTIVATION,
    &TLS,
    &SNI,
    &CLIENT_CERTIFICATE,
    &SPLIT_RECORDS,
    &LOOP,
    &ITERATIONS,
    &MEMORY,
    &SPARE,
    &WARM_UP,
    &RERUN,
    &TIME_LIMIT,
    &ADVANCE_CLOCK,
    &CLOCK,
    &RANDOMNESS,
    &GATE,
    &INLINE_COUNTERS,
    &PANICS,
    &DEAD_ACCEPT,
    &EXITS,
    &CHILDREN,
    &SYSCALLS,
    &LINGER,
    &SANDBOX,
    &WRITABLE,
    &NETWORK,
    &RELOCATE,
    &STATUS,
    &ANSWER_RING,
    &CRASHES,
    &HISTORIES,
    &WRITE_COVERAGE,
    &RECORDING,
    &KEY_LOG,
];
