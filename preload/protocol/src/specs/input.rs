//! Options of inputs and answers.

use super::OptionSpec;

/// Format of inputs.
pub const INPUT: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_INPUT",
    flag: "input",
    value: "raw|session",
    default: "raw",
    meaning: "raw: an input is the bytes of one connection; session: an input is a list of steps over up to four \
              connections (sockfuzz check, fuzz and replay use session if a seed is one)",
    former: None,
};

/// Batch: whether stdin holds several inputs.
pub const BATCH: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_BATCH",
    flag: "batch",
    value: "on|off",
    default: "off",
    meaning: "on: in a single run, stdin holds several inputs, each after its length (8 bytes, little-endian), and one \
              process answers them in turn (sockfuzz check and fuzz use it for seeds)",
    former: None,
};

/// Format of answers on stdout.
pub const ANSWERS: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_ANSWERS",
    flag: "answers",
    value: "plain|pieces",
    default: "plain",
    meaning: "in a single run, plain: print the answers of all connections as they arrive; pieces: print each piece \
              after its connection and its length (sockfuzz check and replay sort them)",
    former: None,
};
