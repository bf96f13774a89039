//! What the two halves of sockfuzz agree on: the preload, which runs inside the server, and the
//! command line, which starts it. Options travel one way, in the environment; the status page
//! travels the other way, in shared memory; what an input means is decided here, too. Both halves
//! compile this crate, so neither can drift.
//!
//! # Example
//!
//! ```
//! use sockfuzz_protocol::{Options, SandboxMode};
//!
//! let given = |variable: &str| (variable == "SOCKFUZZ_SANDBOX").then(|| "require".to_owned());
//! let options = Options::from_lookup(given).expect("a word that the option knows");
//! assert_eq!(options.sandbox, SandboxMode::Require);
//! ```

mod answer_ring;
pub mod answers;
pub mod batch;
mod counter;
pub mod crash_record;
pub mod fnv;
pub mod history;
mod inline_counters;
mod options;
mod port_list;
pub mod recording;
pub mod references;
mod relocation;
mod sandbox_gaps;
pub mod session;
pub mod source_coverage;
pub mod specs;
mod status;
mod tls_found;
mod values;

pub use answer_ring::AnswerRing;
pub use counter::Counter;
pub use inline_counters::{InlineCounters, PatchObstacle};
pub use options::{OptionError, Options, former_names_in_use};
pub use relocation::{MovedPath, Relocation, RelocationError, Relocations};
pub use sandbox_gaps::{SandboxGap, SandboxGaps};
pub use specs::{FormerName, OptionSpec};
pub use status::{Phase, RuntimeFound, StatusPage};
pub use tls_found::TlsFound;
pub use values::{
    AnswerFormat, ChildCrashes, Clock, DeadAccept, DirectoryList, Endpoint, Exits, InputFormat, Loop, Mode,
    Network, Panics, Randomness, SandboxMode, Switch, Syscalls, Tls, Transport,
};

/// Signal that stands for an exit of the server in the middle of an iteration. No kernel sends it (signal(7):
/// SIGSTKFLT, "stack fault on coprocessor (unused)").
pub const EXIT_SIGNAL: i32 = 16;

/// Begins the preload's line about a server that has asked for a ring (io_uring(7)).
pub const IO_URING_REFUSED: &str = "io_uring is refused (ENOSYS)";

/// Part of the symbol name of the variable in which Rust's std keeps the keys of its maps: std's
/// `RandomState::new::KEYS`, in both manglings and in every Rust since 1.36.
pub const HASH_KEYS_SYMBOL: &str = "11RandomState3new4KEYS";

/// File name of the library that the server preloads, as cargo builds it.
pub const PRELOAD_FILE: &str = "libsockfuzz_preload.so";

/// File name of the library that afl-fuzz loads, as cargo builds it.
pub const MUTATOR_FILE: &str = "libsockfuzz_mutator.so";

/// File name of the library that makes a copy of a server's executable start the launcher, as cargo builds it.
pub const START_FILE: &str = "libsockfuzz_start.so";

/// File name of the launcher beside that library.
pub const LAUNCHER_FILE: &str = "launcher";

/// Tells the launcher as which program that library was started.
pub const TARGET_VARIABLE: &str = "SOCKFUZZ_TARGET";

/// Tells the mutator which dictionary afl-fuzz uses; without it, it takes the bundled one.
pub const MUTATOR_DICTIONARY: &str = "SOCKFUZZ_DICTIONARY";

/// Tells the mutator in which file the words of the server's executable are, one in each line.
pub const MUTATOR_WORDS: &str = "SOCKFUZZ_WORDS";
