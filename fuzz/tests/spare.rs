//! Spare process: no input has to wait for the start of a server process.

mod common;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use common::forkserver_client::ForkserverClient;
use common::{TestDir, stat};
use sockfuzz::campaign::cargo_afl::CargoAfl;
use sockfuzz::server::status_file::StatusFile;
use sockfuzz_protocol::Counter;

/// Target that takes half a second to start, and aborts at [`CRASH`].
const TARGET: &str = "starts_slowly";

/// Number of executions of which one is a crash.
const CRASHES: usize = 10;
const EXECUTIONS: usize = 100;

const FINE: &[u8] = b"GET /aaaaaa";
const CRASH: &[u8] = b"GET /aaaaa";

struct Run {
    dir: TestDir,
    program: PathBuf,
    cargo_afl: CargoAfl,
    status: StatusFile,
}

impl Run {
    fn new() -> Self {
        let dir = TestDir::new();
        let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
        let program = dir.loop_target(TARGET, "cc", &[], &cargo_afl);
        Self { dir, program, cargo_afl, status: StatusFile::in_memory().expect("a status page") }
    }

    fn environment(&self, command: &mut Command) {
        command.env("TARGET_LOG", self.dir.path("log")).env("SOCKFUZZ_STATUS", self.status.path());
    }

    /// Returns the number of processes that have finished their start.
    fn starts(&self) -> usize {
        fs::read_to_string(self.dir.path("log")).expect("written").lines().count()
    }

    fn count(&self, counter: Counter) -> usize {
        self.status.count(counter) as usize
    }
}

/// Runs inputs of which one in ten is a crash, and returns the numbers of processes, of spares among them, and
/// of finished starts.
fn processes_and_spares(spare: &str) -> (usize, usize, usize) {
    let run = Run::new();
    let mut command = Command::new(&run.program);
    run.environment(&mut command);
    command.env("SOCKFUZZ_SPARE", spare);
    let mut client = ForkserverClient::start(command);
    for number in 1..=EXECUTIONS {
        let crashes = number % CRASHES == 0;
        let signal = client.run_and_crash(if crashes { CRASH } else { FINE });
        assert_eq!(signal, crashes.then_some(libc::SIGABRT as u32), "input {number}");
    }
    assert!(client.run(FINE, None));
    (run.count(Counter::Processes), run.count(Counter::Spares), run.starts())
}

#[test]
fn a_spare_replaces_a_crashed_process() {
    let processes = EXECUTIONS / CRASHES + 1;
    let (begun, spares, starts) = processes_and_spares("on");
    assert_eq!((begun, spares), (processes, processes - 1));
    assert!((processes..=processes + 1).contains(&starts), "{starts}");
}

#[test]
fn without_spares_processes_start_on_demand() {
    let processes = EXECUTIONS / CRASHES + 1;
    assert_eq!(processes_and_spares("off"), (processes, 0, processes));
}

/// An input with new coverage is run twice, but not twice again in each later process.
#[test]
fn reported_coverage_is_shared_by_all_processes() {
    for target in ["accept_blocking", "epoll_wait"] {
        let dir = TestDir::new();
        let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
        let log = dir.path("log");
        let mut command = Command::new(dir.loop_target(target, "cc", &[], &cargo_afl));
        // A rerun takes place only if there is enough time left, even on a busy machine.
        command.env("TARGET_LOG", &log).env("SOCKFUZZ_TIME_LIMIT", "10000");
        let mut client = ForkserverClient::start_with_warm_up(command);
        let played = |client: &mut ForkserverClient| {
            assert!(client.run(b"GET /told\r\n", None), "{target}");
            let log = fs::read_to_string(&log).expect("written");
            log.lines().filter(|line| *line == "GET /told").count()
        };
        assert_eq!(played(&mut client), 2, "{target}");
        for crashes in 1..=3 {
            assert_eq!(client.run_and_crash(b"GET /abc\r\n"), Some(libc::SIGABRT as u32), "{target}");
            assert_eq!(played(&mut client), 2 + crashes, "{target}");
        }
    }
}

/// A spare might accept the server's connection to itself, and only one process can be bound to a path.
#[test]
fn a_server_with_another_listener_has_no_spare() {
    for target in ["outgoing_connection", "real_listener_in_child"] {
        let dir = TestDir::new();
        let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
        let status = StatusFile::in_memory().expect("a status page");
        let mut command = Command::new(dir.loop_target(target, "cc", &[], &cargo_afl));
        command.current_dir(dir.path("")).env("SOCKFUZZ_ITERATIONS", "5");
        command.env("SOCKFUZZ_STATUS", status.path());
        let mut client = ForkserverClient::start(command);
        for _ in 0..20 {
            assert!(client.run_and_crash(FINE).is_none_or(|signal| signal == 0), "{target}");
        }
        assert!(status.count(Counter::Processes) > 2, "{target}");
        assert_eq!(status.count(Counter::Spares), 0, "{target}");
    }
}

#[test]
fn a_slow_start_causes_no_timeout() {
    let run = Run::new();
    run.dir.write("in/fine", FINE);
    let output = run.dir.path("out");
    let mut command = run.cargo_afl.command();
    run.environment(&mut command);
    let result = command
        .args(["fuzz", "-t", "100", "-c", "-", "-E", "200", "-i"])
        .arg(run.dir.path("in"))
        .arg("-o")
        .arg(&output)
        .arg("--")
        .arg(&run.program)
        .env("AFL_PRELOAD", sockfuzz::util::preload::locate(None).expect("the preload"))
        .envs([
            ("AFL_NO_UI", "1"),
            ("AFL_NO_AFFINITY", "1"),
            ("AFL_SKIP_CPUFREQ", "1"),
            ("AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES", "1"),
        ])
        .output()
        .expect("afl-fuzz starts");
    let text = String::from_utf8_lossy(&result.stdout);
    assert!(result.status.success(), "{text}");
    assert!(stat(&output, "default", "execs_done") >= 200.0);
    assert!(stat(&output, "default", "saved_crashes") >= 1.0, "{text}");
    assert_eq!(stat(&output, "default", "total_tmout"), 0.0);
    assert_eq!(run.count(Counter::Spares), run.count(Counter::Processes) - 1);
}
