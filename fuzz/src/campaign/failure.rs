//! Failures of afl-fuzz: its messages, and remedies for known ones.

use std::collections::BTreeSet;
use std::path::Path;

use indicatif::HumanBytes;

use crate::util::printable::last_lines;
use crate::util::{exit_code, problem::Problem};

/// Maximum number of lines of afl-fuzz's output that a message repeats.
const MAX_OUTPUT_LINES: usize = 12;

/// Parts of messages of afl-fuzz 4.40c and of the preload, with their remedies.
const REMEDIES: &[(&str, &str)] = &[
    (
        "shmget() failed",
        "allow more shared memory: cargo afl system-config, or sysctl kernel.shmmax and shmall",
    ),
    (
        "the server cannot be forked",
        "the server limits its own processes or memory (RLIMIT_NPROC, RLIMIT_AS), or the machine does (ulimit -u): \
         raise that limit",
    ),
    (
        "the server has replaced itself",
        "turn off restarts in the server's configuration (after a number of requests, or by a route), or give seeds \
         that do not cause them with -i. With --exits count, they are only counted",
    ),
    ("is in use", "another afl-fuzz uses this directory: stop it, or choose another directory with -o"),
    ("No instrumentation detected", "build the server with sockfuzz cc, sockfuzz c++ or sockfuzz cargo"),
    (
        "Timeout while initializing fork server",
        "the server takes long to reach its first idle point: set AFL_FORKSRV_INIT_TMOUT to more \
         milliseconds",
    ),
    ("We need at least one valid input seed", NO_USABLE_SEED_REMEDY),
    ("All test cases time out or crash", NO_USABLE_SEED_REMEDY),
    (
        "results in a crash",
        "a seed crashes the server: look at it with sockfuzz replay, then fix the server or \
         remove the seed",
    ),
    ("No more free CPU cores", "use a smaller -j, or set AFL_NO_AFFINITY=1"),
    ("AFL_MAP_SIZE", "set AFL_MAP_SIZE to the value in the message"),
    (
        "Fork server handshake failed",
        "the server ends before its first idle point: try it with sockfuzz check",
    ),
    ("unrecognized option", "see cargo afl fuzz -h for the options that --afl may pass on"),
    ("invalid option", "see cargo afl fuzz -h for the options that --afl may pass on"),
];

const NO_USABLE_SEED_REMEDY: &str = "every seed crashes the server or takes longer than --timeout allows: \
     raise --timeout, look at a seed with sockfuzz replay, or give others with -i";

const DEFAULT_REMEDY: &str = "run the command above by hand, with AFL_DEBUG=1 to see what the server does";

/// Returns the problem for this output of afl-fuzz. It repeats the output unless the user has been `shown` it
/// already.
#[must_use]
pub fn problem(instance: &str, output: &[u8], shown: bool, ending: &str) -> Problem {
    let output = without_colours(output);
    let output = without_cargo_afl_advice(&String::from_utf8_lossy(&output)).to_owned();
    let lines = fatal_lines(&output);
    let mut what = format!("afl-fuzz ({instance}) stopped with {ending}");
    if shown {
        what.push_str("; its output is above");
    } else {
        for line in &lines {
            what.push_str("\n  | ");
            what.push_str(line.trim());
        }
    }
    let remedy = remedy(&lines.join("\n")).or_else(|| remedy(&output));
    let remedy = remedy.unwrap_or(DEFAULT_REMEDY);
    Problem::new(exit_code::AFL_FAILED, what, remedy)
}

/// Returns the problem of a full disk, which has `room` bytes left.
#[must_use]
pub fn disk_full(out: &Path, room: u64) -> Problem {
    let out = out.display();
    Problem::new(
        exit_code::AFL_FAILED,
        format!("afl-fuzz stopped: the disk of {out} is full ({} left)", HumanBytes(room)),
        "make room there, then give the same command again to resume the campaign",
    )
}

fn remedy(text: &str) -> Option<&'static str> {
    let known = REMEDIES.iter().find(|(part, _)| text.contains(part));
    known.map(|(_, remedy)| *remedy)
}

/// Returns the output without the advice that cargo-afl prints on every failure.
fn without_cargo_afl_advice(output: &str) -> &str {
    output.split_once("If you see an error message like").map_or(output, |(own, _)| own)
}

/// Returns the lines with the cause, those of the preload first. They need not be the last ones, because stdout and
/// stderr are buffered separately. Without such lines, returns the last ones.
fn fatal_lines(output: &str) -> Vec<String> {
    const PRELOAD: &str = "sockfuzz: ";
    const FATAL: &[&str] = &["PROGRAM ABORT", "SYSTEM ERROR", "OS message"];
    let preload = output.lines().filter(|line| line.starts_with(PRELOAD));
    let fatal = output.lines().filter(|line| FATAL.iter().any(|word| line.contains(word)));
    let mut seen = BTreeSet::new();
    let fatal: Vec<_> = preload.chain(fatal).filter(|line| seen.insert(*line)).map(str::to_owned).collect();
    if fatal.is_empty() { last_lines(output.as_bytes(), MAX_OUTPUT_LINES) } else { fatal }
}

/// Returns the text without terminal control sequences (ECMA-48 CSI).
fn without_colours(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            0x1b => {
                bytes.find(u8::is_ascii_alphabetic);
            }
            0x0e | 0x0f => {}
            _ => plain.push(byte),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_messages_have_a_remedy() {
        let output = b"\x1b[1;91m[-] SYSTEM ERROR : \x1b[1;97mshmget() failed\x1b[0m\n";
        let problem = problem("main", output, false, "exit status 1").to_string();
        assert!(problem.contains("SYSTEM ERROR : shmget() failed"), "{problem}");
        assert!(problem.contains("cargo afl system-config"), "{problem}");
    }

    #[test]
    fn general_advice_of_cargo_afl_is_ignored() {
        let output = b"[-] PROGRAM ABORT : Fork server handshake failed\nmore\n\n\
                       If you see an error message like `shmget() failed` above, try\n";
        let problem = problem("main", output, false, "exit status 1").to_string();
        assert!(problem.contains("sockfuzz check"), "{problem}");
        assert!(!problem.contains("shmget"), "{problem}");
        assert!(!problem.contains("more"), "{problem}");
    }

    #[test]
    fn a_corpus_that_times_out_suggests_a_longer_limit() {
        let output = b"[-] PROGRAM ABORT : All test cases time out or crash, giving up!\n";
        let problem = problem("main", output, false, "exit status 1").to_string();
        assert!(problem.contains("raise --timeout"), "{problem}");
    }

    #[test]
    fn messages_of_the_preload_come_first_and_once() {
        let said = "sockfuzz: the server cannot be forked\n";
        let output = format!("{said}{said}[-] PROGRAM ABORT : Unable to request new process\n");
        let problem = problem("main", output.as_bytes(), false, "exit status 1").to_string();
        assert!(
            problem.contains("| sockfuzz: the server cannot be forked\n  | [-] PROGRAM ABORT"),
            "{problem}"
        );
    }

    #[test]
    fn unknown_messages_are_shown() {
        let problem = problem("main", b"out of luck\n", false, "exit status 1").to_string();
        assert!(problem.contains("| out of luck"), "{problem}");
        assert!(problem.contains("AFL_DEBUG=1"), "{problem}");
    }
}
