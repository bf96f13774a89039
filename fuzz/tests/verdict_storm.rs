//! Verdicts on all kinds of endings, in random order. Each verdict is compared with the record that the server wrote
//! just before it ended in the same iteration.

mod common;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::process::Command;
use std::time::Duration;

use common::TestDir;
use common::forkserver_client::{ForkserverClient, Verdict};
use sockfuzz::campaign::cargo_afl::CargoAfl;

/// Number of inputs over all combinations, unless the variable `VERDICTS` overrides it.
const VERDICTS: usize = 600;

/// Time limits from which the client chooses at random.
const LIMITS: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(100)];

/// Size of the record file in bytes. The server writes one byte for each input.
const RECORDS: usize = 1 << 20;

/// Records that the server writes before it exits, answers, or loops for ever. Before a crash, it writes the signal.
const EXIT: u8 = 1;
const ANSWER: u8 = 2;
const HANG: u8 = 3;

/// Signal by which an exit is reported.
const EXIT_SIGNAL: u8 = 16;

const ENDINGS: [&str; 16] = [
    "fine",
    "crash",
    "fine",
    "abort",
    "exit0",
    "exit1",
    "_exit0",
    "exit_in_segv_handler",
    "exit_after_answer",
    "hang",
    "thread",
    "late_thread",
    "child",
    "late_child",
    "grandchild",
    "child_exits",
];

/// Whether a verdict fits an iteration in which the server wrote `written` last. A timeout fits every record, because
/// the client may kill the process before a crash is reported.
fn is_right(verdict: Verdict, written: u8) -> bool {
    match verdict {
        Verdict::Finished => written == ANSWER,
        Verdict::Signalled(signal) => {
            let expected = if written == EXIT { EXIT_SIGNAL } else { written };
            expected > HANG && u32::from(expected) == signal
        }
        Verdict::TimedOut => true,
        Verdict::Exited(_) => false,
    }
}

/// Runs `count` inputs in one process after the other, and returns the number of those that were killed.
fn storm(
    program: &std::path::Path,
    record: &File,
    path: &str,
    options: [(&str, &str); 2],
    count: usize,
) -> usize {
    let mut command = Command::new(program);
    command.env("TARGET_RECORD", path).envs(options);
    let mut client = ForkserverClient::start(command);
    let mut random = 0x9e37_79b9_u32;
    let mut killed = 0;
    for number in 0..count {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        let ending = ENDINGS[random as usize % ENDINGS.len()];
        let limit = LIMITS[(random >> 16) as usize % LIMITS.len()];
        let place = (number % RECORDS) as u64;
        record.write_all_at(&[0], place).expect("the file is writable");
        let request = format!("GET /{place}/{ending} HTTP/1.1\r\n\r\n");
        let verdict = client.verdict_of(request.as_bytes(), limit);
        let mut written = [0];
        record.read_exact_at(&mut written, place).expect("the file is readable");
        assert!(
            is_right(verdict, written[0]),
            "{options:?}: input {number}, {ending}, {limit:?}: {verdict:?}, but the record is {}",
            written[0]
        );
        killed += usize::from(verdict == Verdict::TimedOut);
    }
    killed
}

#[test]
fn every_verdict_belongs_to_its_iteration() {
    let verdicts = std::env::var("VERDICTS").map_or(VERDICTS, |number| number.parse().expect("a number"));
    let dir = TestDir::new();
    let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
    let program = dir.loop_target("ends_as_told", "cc", &[], &cargo_afl);
    let path = dir.write("record", &vec![0; RECORDS]);
    let record = File::options().read(true).write(true).open(&path).expect("the file was just written");
    let path = path.to_str().expect("a plain path");
    let mut killed = 0;
    for r#loop in ["direct", "afl"] {
        for transport in ["unix", "tcp", "memory"] {
            let options = [("SOCKFUZZ_LOOP", r#loop), ("SOCKFUZZ_TRANSPORT", transport)];
            killed += storm(&program, &record, path, options, verdicts.div_ceil(6));
        }
    }
    println!("{verdicts} verdicts, {killed} of them timeouts");
    assert!(killed < verdicts, "every input timed out: the machine is too slow");
}
