//! Options that decide what counts as a crash.

use super::OptionSpec;

/// Verdict on a Rust panic.
pub const PANICS: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_PANICS",
    flag: "panics",
    value: "auto|crash|pass",
    default: "auto",
    meaning: "crash: a Rust panic ends the server even if the server would catch it; pass: panics have no effect on \
              the verdict; auto: crash in the loop, pass in a single run",
    former: None,
};

/// Verdict on an idle server that accepts no more connections.
pub const DEAD_ACCEPT: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_DEAD_ACCEPT",
    flag: "dead-accept",
    value: "auto|crash|count",
    default: "auto",
    meaning: "crash: an idle server that accepts no more connections counts as crashed; count: it is only counted; \
              auto: crash in the loop, not checked in a single run",
    former: None,
};

/// Verdict on a server that exits in the middle of an iteration.
pub const EXITS: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_EXITS",
    flag: "exits",
    value: "crash|count",
    default: "crash",
    meaning: "crash: a server that exits in the middle of an iteration, with any status, counts as crashed (AFL++ \
              names it sig:16); count: it is only counted",
    former: None,
};

/// Verdict on the crash of a child process.
pub const CHILDREN: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_CHILDREN",
    flag: "children",
    value: "auto|crash|pass",
    default: "auto",
    meaning: "crash: the crash of any descendant process of the server counts as a crash of the server; pass: the \
              server handles it; auto: crash in the loop, pass in a single run",
    former: None,
};
