//! Options of what surrounds the server: its files, the network, and what it may do to them.

use super::{FormerName, OptionSpec};

/// Sandbox of the server.
pub const SANDBOX: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_SANDBOX",
    flag: "sandbox",
    value: "auto|require|off",
    default: "off",
    meaning: "auto: as far as the kernel allows, the server cannot change files, reach the network, or signal other \
              processes; require: the server does not start unless the kernel allows all of that; off: the server has \
              all your rights (sockfuzz check, fuzz and replay use auto)",
    former: Some(FormerName { variable: "SOCKFUZZ_SEAT_BELT", flag: "seat-belt" }),
};

/// Exceptions to the sandbox: writable directories.
pub const WRITABLE: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_WRITABLE",
    flag: "writable",
    value: "/DIR[:/DIR]",
    default: "",
    meaning: "with the sandbox, directories that the server may write to",
    former: None,
};

/// Exceptions to the sandbox: the network.
pub const NETWORK: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_NETWORK",
    flag: "network",
    value: "none|host",
    default: "none",
    meaning: "with the sandbox, none: only a loopback interface of the server's own; host: the network of the machine, \
              for a server that needs a backend",
    former: None,
};

/// Relocation of the server's files.
pub const RELOCATE: OptionSpec = OptionSpec {
    variable: "SOCKFUZZ_RELOCATE",
    flag: "relocate",
    value: "/OLD=/NEW[:/OLD=/NEW]",
    default: "",
    meaning: "the server finds a file or directory at /NEW, which must exist, by the path /OLD, in all that it opens, \
              changes or creates through libc; the longest /OLD counts; not in system calls past libc, in the targets \
              of symbolic links, and in what libc and the loader open by themselves",
    former: None,
};
