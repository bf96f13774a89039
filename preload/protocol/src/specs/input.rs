//! Options of what goes in and what comes out.

use super::OptionSpec;

/// What the fuzzer's bytes mean.
pub const INPUT: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_INPUT",
    flag: "input",
    value: "raw|session",
    default: "raw",
    meaning: "raw: an input is the bytes of one connection; session: it is steps over up to four connections, \
              one at a time (sockfuzz check, fuzz and replay say session when a seed is one)",
    former: None,
};

/// How many inputs stdin holds.
pub const BATCH: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_BATCH",
    flag: "batch",
    value: "on|off",
    default: "off",
    meaning: "on: in a single run, stdin holds several inputs, each with its length in front (8 bytes, \
              little-endian), and one process answers them in turn (sockfuzz check and fuzz try the seeds so)",
    former: None,
};

/// What comes out on stdout.
pub const ANSWERS: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_ANSWERS",
    flag: "answers",
    value: "plain|pieces",
    default: "plain",
    meaning: "in a single run, plain: whatever the server answers, on any connection, goes to stdout when it comes; \
              pieces: each piece with its connection and its length in front (sockfuzz check and replay sort them)",
    former: None,
};
