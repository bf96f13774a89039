//! Options that name what the preload writes.

use super::OptionSpec;

/// File of the status page.
pub const STATUS: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_STATUS",
    flag: "status",
    value: "FILE",
    default: "",
    meaning: "file of at least 4096 bytes in which the library keeps its status for an observer",
    former: None,
};

/// File of the ring of answers.
pub const ANSWER_RING: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_ANSWER_RING",
    flag: "answer-ring",
    value: "FILE",
    default: "",
    meaning: "in the loop, file to which the library writes new answers, for the mutator to learn words from (the mutator \
              sets it)",
    former: None,
};

/// Directory of source coverage.
pub const WRITE_COVERAGE: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_WRITE_COVERAGE",
    flag: "write-coverage",
    value: "DIR",
    default: "",
    meaning: "in a single run, directory in which the processes of a server that was built with clang's or rustc's source \
              coverage leave their profiles; what gcc's --coverage counts goes where GCOV_PREFIX says (sockfuzz cover \
              sets both)",
    former: None,
};

/// File of crashes.
pub const CRASHES: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_CRASHES",
    flag: "crashes",
    value: "FILE",
    default: "",
    meaning: "in a single run, file to which a process that crashes appends its stack (sockfuzz run, check, replay and \
              triage set it)",
    former: None,
};

/// Directory of histories.
pub const HISTORIES: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_HISTORIES",
    flag: "histories",
    value: "DIR",
    default: "",
    meaning: "in the loop, directory in which a process that ends by a crash, a hang or an exit leaves all its inputs, \
              for sockfuzz replay (sockfuzz fuzz sets it); up to 4 MiB per process are kept in memory",
    former: None,
};

/// File of a recording.
pub const RECORDING: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_RECORDING",
    flag: "recording",
    value: "FILE",
    default: "",
    meaning: "in mode record, file to which the processes of the server append what its clients send (sockfuzz record sets it)",
    former: None,
};
