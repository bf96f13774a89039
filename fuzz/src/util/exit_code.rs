//! Exit statuses of `sockfuzz`, as `--help` lists them.

/// Success.
pub const OK: u8 = 0;
/// Something that sockfuzz needs is missing or failed.
pub const FAILED: u8 = 1;
/// `check`: a seed was answered differently over TCP.
pub const DIFFERENT: u8 = 3;
/// `replay`, `triage`: an input crashed or hung the server, or was answered wrongly. `fuzz --until`: it has found something new.
pub const CRASHED: u8 = 4;
/// `check`, `fuzz`: afl-fuzz did not start, or stopped with an error.
pub const AFL_FAILED: u8 = 5;
/// `servers`, `bench`: a requirement is not met, or something could not be measured.
pub const SHORT: u8 = 6;
/// `replay`: an input that was saved as a crash or a hang did not do so again.
pub const NOT_REPRODUCED: u8 = 7;
/// The server is missing or cannot be executed.
pub const NOT_EXECUTABLE: u8 = 10;
/// The server cannot be preloaded into: static, setuid, or built for another machine.
pub const NOT_PRELOADABLE: u8 = 11;
/// The server has no AFL++ instrumentation.
pub const NOT_INSTRUMENTED: u8 = 12;
/// The server exits before it has served.
pub const EXITS: u8 = 13;
/// The server goes to the background.
pub const DAEMONIZES: u8 = 14;
/// The server never listens.
pub const NEVER_LISTENS: u8 = 15;
/// The server listens, but never accepts.
pub const NEVER_ACCEPTS: u8 = 16;
/// The server accepts, but answers no seed.
pub const NEVER_ANSWERS: u8 = 17;
/// Added to the number of a signal that ended the server or sockfuzz.
pub const SIGNAL_BASE: u8 = 128;

/// List of exit statuses for `--help`.
pub const HELP: &str = "\
Exit status:
  0       all is well
  1       something that sockfuzz needs is missing or failed
  2       the command line is invalid
  3       check: a seed was answered differently over real TCP
  4       replay, triage: an input crashed or hung the server, or was answered wrongly; fuzz --until: something new was found
  5       check, fuzz: afl-fuzz did not start, or stopped with an error
  6       servers, bench: a requirement is not met, or something could not be measured
  7       replay: an input that was saved as a crash or a hang did not do so again
  10      the server is missing or cannot be executed
  11      the server cannot be preloaded into (static, setuid, another machine's)
  12      the server is not instrumented (fuzz)
  13      the server exits before it has served
  14      the server goes to the background
  15      the server never listens
  16      the server listens, but never accepts
  17      the server accepts, but answers nothing
  128+N   ended by signal N
run: if the server ends before it has answered, sockfuzz returns its exit status.";
