//! Verdicts that AFL++ gets on iterations in which the server, or one of its processes, ends, in both loops.

mod common;

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use common::TestDir;
use common::forkserver_client::{ForkserverClient, Verdict};
use sockfuzz::campaign::cargo_afl::CargoAfl;
use sockfuzz::server::status_file::StatusFile;
use sockfuzz_protocol::Counter;
use sockfuzz_protocol::history::History;

const LIMIT: Duration = Duration::from_secs(10);

/// Size in bytes of the file in which the server records its actions; the last byte triggers a thread.
const RECORDS: usize = 1 << 20;

/// Time within which the thread has detected a trigger.
const TRIGGER_INTERVAL: Duration = Duration::from_millis(100);

/// Signal by which an exit is reported.
const EXIT_SIGNAL: u32 = 16;

/// Endings by which the server's own process exits.
const EXITS: [&str; 10] = [
    "exit0",
    "exit1",
    "_exit0",
    "_exit1",
    "quick_exit0",
    "exit_in_segv_handler",
    "exit_in_abort_handler",
    "exit_after_answer",
    "return_from_main",
    "replace_program",
];

/// Target program compiled for the loop: `ends_as_told`, whose requests name the way in which it ends, or another.
struct Target {
    program: PathBuf,
    dir: TestDir,
}

impl Target {
    fn compile() -> Self {
        Self::compile_other("ends_as_told")
    }

    fn compile_other(name: &str) -> Self {
        let dir = TestDir::new();
        let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
        let program = dir.loop_target(name, "cc", &[], &cargo_afl);
        Self { program, dir }
    }

    fn start(&self, variables: &[(&str, &str)]) -> ForkserverClient {
        let mut command = Command::new(&self.program);
        command.envs(variables.iter().copied());
        ForkserverClient::start(command)
    }

    fn start_with_warm_up(&self, variables: &[(&str, &str)]) -> ForkserverClient {
        let mut command = Command::new(&self.program);
        command.envs(variables.iter().copied());
        ForkserverClient::start_with_warm_up(command)
    }
}

fn request(ending: &str) -> Vec<u8> {
    format!("GET /1/{ending} HTTP/1.1\r\n\r\n").into_bytes()
}

/// Returns the verdict on an ending, between two inputs that are answered.
fn verdict_on(ending: &str, client: &mut ForkserverClient) -> Verdict {
    assert_eq!(client.verdict_of(&request("fine"), LIMIT), Verdict::Finished, "before {ending}");
    let verdict = client.verdict_of(&request(ending), LIMIT);
    assert_eq!(client.verdict_of(&request("fine"), LIMIT), Verdict::Finished, "after {ending}");
    verdict
}

/// Calls `check` with every combination of a loop and a transport.
fn in_both_loops(mut check: impl FnMut([(&str, &str); 2])) {
    for r#loop in ["direct", "afl"] {
        for transport in ["unix", "tcp", "memory"] {
            check([("SOCKFUZZ_LOOP", r#loop), ("SOCKFUZZ_TRANSPORT", transport)]);
        }
    }
}

#[test]
fn an_exit_is_reported_as_a_crash_with_signal_16() {
    let target = Target::compile();
    in_both_loops(|options| {
        let mut client = target.start(&options);
        for ending in EXITS {
            let verdict = verdict_on(ending, &mut client);
            assert_eq!(verdict, Verdict::Signalled(EXIT_SIGNAL), "{ending} {options:?}");
        }
    });
}

#[test]
fn an_exit_is_only_counted_with_exits_count() {
    let target = Target::compile();
    in_both_loops(|[first, second]| {
        let status = StatusFile::in_memory().expect("a status page");
        let path = status.path().into_string().expect("in /proc");
        let mut client =
            target.start(&[first, second, ("SOCKFUZZ_EXITS", "count"), ("SOCKFUZZ_STATUS", &path)]);
        for ending in EXITS {
            let verdict = verdict_on(ending, &mut client);
            let expected = u32::from(ending.ends_with('1'));
            assert_eq!(verdict, Verdict::Exited(expected), "{ending} {first:?} {second:?}");
        }
        assert_eq!(status.count(Counter::Exits), EXITS.len() as u64, "{first:?} {second:?}");
    });
}

/// A server that signals its process group ends only itself.
#[test]
fn a_signal_to_the_group_stays_within_the_iteration() {
    let target = Target::compile();
    in_both_loops(|options| {
        let verdict = verdict_on("group", &mut target.start(&options));
        assert_eq!(verdict, Verdict::Signalled(15), "{options:?}");
    });
}

/// A server that ends in the warm-up is fuzzed without one.
#[test]
fn a_warm_up_that_ends_the_server_is_skipped() {
    let target = Target::compile();
    in_both_loops(|[first, second]| {
        let status = StatusFile::in_memory().expect("a status page");
        let path = status.path().into_string().expect("in /proc");
        let mut client =
            target.start_with_warm_up(&[first, second, ("TARGET_FRAGILE", "1"), ("SOCKFUZZ_STATUS", &path)]);
        assert_eq!(verdict_on("crash", &mut client), Verdict::Signalled(11), "{first:?} {second:?}");
        assert_eq!(status.count(Counter::WarmUpsLeftOut), 1, "{first:?} {second:?}");
    });
}

/// An end between two inputs is counted. (In loop `afl`, the process is stopped between two inputs, so its threads
/// continue when the next one begins.)
#[test]
fn an_end_between_two_inputs_is_reported_with_the_next_one() {
    let target = Target::compile();
    let record = target.dir.write("record", &vec![0; RECORDS]);
    let trigger = |value: u8| {
        let file = File::options().write(true).open(&record).expect("it was just written");
        file.write_all_at(&[value], RECORDS as u64 - 1).expect("it is writable");
    };
    let verdicts = |[first, second]: [(&str, &str); 2], ending: &str, exits: &str| {
        let status = StatusFile::in_memory().expect("a status page");
        let path = status.path().into_string().expect("in /proc");
        let record = record.to_str().expect("a plain path");
        let options = [first, second, ("SOCKFUZZ_EXITS", exits), ("TARGET_RECORD", record)];
        let mut client = target.start(&[options.as_slice(), &[("SOCKFUZZ_STATUS", &path)]].concat());
        trigger(0);
        assert_eq!(client.verdict_of(&request(ending), LIMIT), Verdict::Finished, "{options:?}");
        trigger(1);
        let began = Instant::now();
        let is_stopped = first.1 == "afl";
        while is_stopped && began.elapsed() < TRIGGER_INTERVAL
            || !is_stopped && began.elapsed() < LIMIT && status.count(Counter::EndsBetween) == 0
        {
            std::thread::sleep(Duration::from_millis(1));
        }
        let next = client.verdict_of(&request("fine"), LIMIT);
        assert_eq!(client.verdict_of(&request("fine"), LIMIT), Verdict::Finished, "{options:?}");
        (next, status.count(Counter::EndsBetween), status.count(Counter::Exits))
    };
    in_both_loops(|options| {
        let is_direct = options[0].1 == "direct";
        for (ending, signal) in [("crash_when_triggered", 11), ("exit_when_triggered", EXIT_SIGNAL)] {
            let (next, counted, _) = verdicts(options, ending, "crash");
            assert_eq!(next, Verdict::Signalled(signal), "{ending} {options:?}");
            assert!(counted == 1 || !is_direct, "{ending} {options:?}: {counted} counted");
        }
        if is_direct {
            let only_counted = verdicts(options, "exit_when_triggered", "count");
            assert_eq!(only_counted, (Verdict::Finished, 1, 0), "{options:?}");
        }
    });
}

/// A crash of a process that works for the accepting process belongs to the iteration of its input, whichever of them
/// is the parent. Afterwards, no server is left to be fuzzed.
#[test]
fn a_crash_beside_the_accepting_process_is_a_crash() {
    let target = Target::compile_other("back_answers");
    in_both_loops(|[first, second]| {
        for front in ["child", "parent", "sibling", "sibling_awaited"] {
            for crash in ["crash", "crash_tolerated"] {
                let status = StatusFile::in_memory().expect("a status page");
                let path = status.path().into_string().expect("in /proc");
                let options = [first, second, ("TARGET_FRONT", front), ("SOCKFUZZ_STATUS", &path)];
                let mut client = target.start(&options);
                let mut verdict_on =
                    |path| client.verdict_of(format!("GET /{path}\r\n\r\n").as_bytes(), LIMIT);
                assert_eq!(verdict_on("fine"), Verdict::Finished, "{options:?}");
                assert_eq!(verdict_on(crash), Verdict::Signalled(11), "{crash} {options:?}");
                assert!(client.is_refused(), "{crash} {options:?}");
                assert_eq!(status.count(Counter::ProcessesLost), 1, "{crash} {options:?}");
            }
        }
    });
}

/// Endings by which another thread or another process of the server crashes.
const CRASHES_ELSEWHERE: [&str; 7] =
    ["thread", "late_thread", "child", "child_not_awaited", "late_child", "grandchild", "late_grandchild"];

/// A crash of a thread or a process belongs to the iteration that created it, however the server handles
/// SIGCHLD.
#[test]
fn a_crash_of_any_thread_or_process_is_a_crash() {
    let target = Target::compile();
    in_both_loops(|[first, second]| {
        for children in [None, Some("ignored"), Some("no_wait"), Some("reaped")] {
            let asked = children.map(|children| ("TARGET_SIGCHLD", children));
            let options: Vec<_> = [first, second].into_iter().chain(asked).collect();
            let mut client = target.start(&options);
            for ending in CRASHES_ELSEWHERE {
                let verdict = verdict_on(ending, &mut client);
                assert_eq!(verdict, Verdict::Signalled(11), "{ending} {options:?}");
            }
            for ending in ["child_exits", "orphan_exits"] {
                let verdict = verdict_on(ending, &mut client);
                assert_eq!(verdict, Verdict::Finished, "{ending} {options:?}");
            }
        }
    });
}

/// Builds the preload with its assertions, and returns its path.
fn checked_preload() -> PathBuf {
    let target = sockfuzz::util::preload::locate(None).expect("the preload");
    let target = target.ancestors().nth(2).expect("TARGET/PROFILE/FILE");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--profile=checked", "--package", "sockfuzz-preload", "--target-dir"])
        .arg(target)
        .status()
        .expect("cargo starts");
    assert!(status.success(), "the preload compiles");
    target.join("checked").join(sockfuzz_protocol::PRELOAD_FILE)
}

/// An internal error of the preload is not reported as a crash of the server, and its history is saved.
#[test]
fn an_internal_error_is_no_crash() {
    let target = Target::compile();
    let library = checked_preload().into_os_string().into_string().expect("a plain path");
    in_both_loops(|[first, second]| {
        let status = StatusFile::in_memory().expect("a status page");
        let path = status.path().into_string().expect("in /proc");
        let histories = tempfile::tempdir().expect("tempdir");
        let mut client = target.start(&[
            first,
            second,
            ("LD_PRELOAD", &library),
            ("SOCKFUZZ_TEST_PANIC", "play"),
            ("SOCKFUZZ_HISTORIES", histories.path().to_str().expect("a plain path")),
            ("SOCKFUZZ_STATUS", &path),
        ]);
        assert_eq!(client.verdict_of(&request("fine"), LIMIT), Verdict::Exited(0), "{first:?} {second:?}");
        assert_eq!(status.count(Counter::InternalErrors), 1, "{first:?} {second:?}");
        assert_eq!(status.count(Counter::Exits), 0, "{first:?} {second:?}");
        let saved = histories.path().join("id:000000,internal,inputs:1");
        let history = History::decode(&fs::read(saved).expect("saved")).expect("a history");
        assert_eq!(history.inputs, [request("fine")], "{first:?} {second:?}");
    });
}

/// The end of a process after its last iteration is not an exit of the server.
#[test]
fn a_planned_end_is_no_crash() {
    let target = Target::compile();
    in_both_loops(|[first, second]| {
        let mut client = target.start(&[first, second, ("SOCKFUZZ_ITERATIONS", "3")]);
        for number in 0..10 {
            let verdict = client.verdict_of(&request("fine"), LIMIT);
            let is_well = matches!(verdict, Verdict::Finished | Verdict::Exited(0));
            assert!(is_well, "{number}: {verdict:?} {first:?} {second:?}");
        }
    });
}
