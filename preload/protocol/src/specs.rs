//! Every option of the preload, in one table. Help texts, the README and the parser all read it.

mod input;
mod verdicts;

pub use input::{ANSWERS, BATCH, INPUT};
pub use verdicts::{CHILDREN, DEAD_ACCEPT, EXITS, PANICS};

/// One row of the table: how an option is spelled, what it falls back to, what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionSpec {
    /// Environment variable that the preload reads.
    pub variable: &'static str,
    /// Flag of the command line (without the dashes) that sets it.
    pub flag: &'static str,
    /// Placeholder for the value in help texts.
    pub value: &'static str,
    /// Value when nothing is said; empty when the option is simply off.
    pub default: &'static str,
    /// One sentence for a person.
    pub meaning: &'static str,
    /// Name in the release before, accepted in this one.
    pub former: Option<FormerName>,
}

/// Name of an option in the release before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormerName {
    /// Environment variable.
    pub variable: &'static str,
    /// Flag, without the dashes.
    pub flag: &'static str,
}

/// Once or loop.
pub const MODE: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_MODE",
    flag: "mode",
    value: "auto|once|loop",
    default: "auto",
    meaning: "once: stdin to the server, its answer to stdout; loop: AFL++'s persistent loop; \
              auto: loop when an AFL++ tool started the server, otherwise once",
    former: None,
};

/// How bytes reach the server.
pub const TRANSPORT: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_TRANSPORT",
    flag: "transport",
    value: "auto|unix|tcp|memory",
    default: "auto",
    meaning: "auto: memory if it gives the same answers as unix, otherwise unix (sockfuzz compares the seeds; without \
              it, the library compares the requests of the warm-up under AFL++, and a single run uses unix); unix: the listener silently becomes a UNIX-domain socket, no port is bound; \
              tcp: a real loopback connection to a port of the kernel's choice; \
              memory: as unix, but bytes and readiness never reach the kernel; not for a process per connection",
    former: None,
};

/// Which listener is taken over.
pub const PORT: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_PORT",
    flag: "port",
    value: "PORT|PATH",
    default: "",
    meaning: "the port whose listener is taken over, for a server with several; without it, the \
              first TCP listener; or the path of a UNIX-domain listener (@NAME: an abstract one)",
    former: None,
};

/// Who makes the listener.
pub const SOCKET_ACTIVATION: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_SOCKET_ACTIVATION",
    flag: "socket-activation",
    value: "on|off",
    default: "off",
    meaning: "on: the server finds its listener at descriptor 3, as systemd hands it over (LISTEN_FDS)",
    former: None,
};

/// Iterations per process.
pub const ITERATIONS: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_ITERATIONS",
    flag: "iterations",
    value: "COUNT",
    default: "10000",
    meaning: "iterations that one server process runs before a fresh one takes its place",
    former: None,
};

/// Memory of a process.
pub const MEMORY: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_MEMORY",
    flag: "memory",
    value: "MEBIBYTES",
    default: "1024",
    meaning: "in the loop, memory that a server process may occupy beyond what it does after its warm-up, before a \
              fresh one takes its place",
    former: None,
};

/// Whether the next process is ready in advance.
pub const SPARE: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_SPARE",
    flag: "spare",
    value: "on|off",
    default: "on",
    meaning: "in loop direct, keep the next server process started and waiting, so that fuzzing goes on at \
              once after a crash, a timeout, or a process's share of iterations",
    former: None,
};

/// How processes are forked and iterations paced.
pub const LOOP: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_LOOP",
    flag: "loop",
    value: "auto|direct|afl",
    default: "auto",
    meaning: "direct: the server speaks to AFL++ itself; afl: by way of the persistent loop that AFL++ has \
              built into it; auto: direct where its AFL++ is known well enough, otherwise afl",
    former: None,
};

/// Sessions before the first counted iteration.
pub const WARM_UP: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_WARM_UP",
    flag: "warm-up",
    value: "on|off",
    default: "on",
    meaning: "in the loop, answer a few plain requests first, uncounted, so that what the server \
              sets up at its first request is over",
    former: None,
};

/// Repeating iterations that set things up.
pub const RERUN: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_RERUN",
    flag: "rerun",
    value: "on|off",
    default: "on",
    meaning: "in the loop, repeat an input that did what was never reported, or in which a \
              thread was displaced, and report the coverage of the repetition: the first time through, \
              servers allocate, grow and cache",
    former: Some(FormerName { variable: "SOCKFUZZ_SETTLE", flag: "settle" }),
};

/// How long afl-fuzz lets an execution take.
pub const TIME_LIMIT: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_TIME_LIMIT",
    flag: "time-limit",
    value: "MILLISECONDS",
    default: "20",
    meaning: "afl-fuzz's time limit (set by `sockfuzz fuzz`): an input is repeated only where that takes \
              less than half of it; 20 is the least that afl-fuzz chooses by itself",
    former: None,
};

/// Time for the server to tidy up.
pub const ADVANCE_CLOCK: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_ADVANCE_CLOCK",
    flag: "advance-clock",
    value: "on|off",
    default: "off",
    meaning: "on: in the loop, with the virtual clock, a minute passes at the end of each iteration for a \
              server with one thread that waits with a time limit, so that it empties its caches and each \
              input finds it the same; it takes time (lighttpd: stabler, at 0.6 of its speed)",
    former: Some(FormerName { variable: "SOCKFUZZ_REST", flag: "rest" }),
};

/// What time it is.
pub const CLOCK: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_CLOCK",
    flag: "clock",
    value: "virtual|real",
    default: "virtual",
    meaning: "virtual: in the loop, time stands still while the server works and jumps when it waits \
              for a timer only (not in servers that fork); real: the machine's time",
    former: None,
};

/// What randomness is worth.
pub const RANDOMNESS: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_RANDOMNESS",
    flag: "randomness",
    value: "fixed|real",
    default: "fixed",
    meaning: "fixed: in the loop, getrandom, /dev/urandom and the like give the same bytes in every iteration, and \
              `rand` and the keys of Rust's HashMaps begin each with the same state; real: the kernel's",
    former: None,
};

/// When coverage counts.
pub const GATE: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_GATE",
    flag: "gate",
    value: "on|off",
    default: "on",
    meaning: "in the loop, keep AFL++ from seeing what runs outside iterations: the server's start, its \
              warm-up, and background threads between two inputs",
    former: None,
};

/// System calls that bypass libc.
pub const SYSCALLS: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_SYSCALLS",
    flag: "syscalls",
    value: "auto|libc|trap",
    default: "auto",
    meaning: "libc: see only the calls that go through libc; trap: a seccomp filter brings back those of \
              every object with system calls of its own; auto: of objects found to wait or accept in them",
    former: None,
};

/// Patience after the half-close.
pub const LINGER: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_LINGER",
    flag: "linger",
    value: "MILLISECONDS",
    default: "1000",
    meaning: "in a single run, how long an idle server may keep the half-closed connection \
              open before the client hangs up",
    former: None,
};

/// Whether the server is confined.
pub const SANDBOX: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_SANDBOX",
    flag: "sandbox",
    value: "auto|require|off",
    default: "off",
    meaning: "auto: as far as the kernel allows, keep the server from changing files, from the network, \
              and from signalling processes outside; require: or do not start it; off: it runs with all \
              your rights (sockfuzz check, fuzz and replay ask for auto)",
    former: Some(FormerName { variable: "SOCKFUZZ_SEAT_BELT", flag: "seat-belt" }),
};

/// Exceptions to the sandbox: files.
pub const WRITABLE: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_WRITABLE",
    flag: "writable",
    value: "/DIR[:/DIR]",
    default: "",
    meaning: "with the sandbox, directories that the server may write to all the same",
    former: None,
};

/// Exceptions to the sandbox: the network.
pub const NETWORK: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_NETWORK",
    flag: "network",
    value: "none|host",
    default: "none",
    meaning: "with the sandbox, none: a loopback interface of the server's own and nothing else; host: \
              the machine's network, for a server that needs a backend outside",
    former: None,
};

/// Where the status page is.
pub const STATUS: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_STATUS",
    flag: "status",
    value: "FILE",
    default: "",
    meaning: "file of at least one page in which the preload keeps its status for an observer",
    former: None,
};

/// Every row, in the order in which help texts show them.
pub const ALL: &[&OptionSpec] = &[
    &MODE,
    &TRANSPORT,
    &INPUT,
    &BATCH,
    &ANSWERS,
    &PORT,
    &SOCKET_ACTIVATION,
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
    &PANICS,
    &DEAD_ACCEPT,
    &EXITS,
    &CHILDREN,
    &SYSCALLS,
    &LINGER,
    &SANDBOX,
    &WRITABLE,
    &NETWORK,
    &STATUS,
];
