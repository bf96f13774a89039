//! Options that say what counts as a crash.

use super::OptionSpec;

/// What a Rust panic means.
pub const PANICS: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_PANICS",
    flag: "panics",
    value: "auto|crash|pass",
    default: "auto",
    meaning: "crash: a Rust panic ends the server even where it would catch it; \
              pass: leave panics alone; auto: crash in the loop, pass in a single run",
    former: None,
};

/// What a server means that accepts no more.
pub const DEAD_ACCEPT: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_DEAD_ACCEPT",
    flag: "dead-accept",
    value: "auto|crash|count",
    default: "auto",
    meaning: "crash: a server that is idle but accepts no more connections has crashed; \
              count: it is only counted; auto: crash in the loop, not looked for in a single run",
    former: None,
};

/// What a server means that ends in the middle of an iteration.
pub const EXITS: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_EXITS",
    flag: "exits",
    value: "crash|count",
    default: "crash",
    meaning: "crash: a server that exits in the middle of an iteration, with whatever status, has crashed \
              (AFL++ names it sig:16); count: it is only counted",
    former: None,
};

/// What the end of a child process means.
pub const CHILDREN: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_CHILDREN",
    flag: "children",
    value: "auto|crash|pass",
    default: "auto",
    meaning: "crash: a crash of any process that descends from the server ends the server, too; \
              pass: leave it to the server; auto: crash in the loop, pass in a single run",
    former: None,
};
