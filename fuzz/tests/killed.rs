//! SIGKILL for one process of a campaign: all others end, and its shared memory and control group are removed.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::{TestDir, bundled, program_with};
use procfs::process::Stat;
use rustix::process::{Pid, Signal, kill_process};
use sockfuzz::server::process_tree;

const PATIENCE: Duration = Duration::from_secs(60);

/// Polls until `found` returns a value; fails after [`PATIENCE`].
fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Returns the segments of System V shared memory that these processes created.
fn segments_of(processes: &BTreeSet<i32>) -> Vec<String> {
    let list = fs::read_to_string("/proc/sysvipc/shm").expect("the kernel lists them");
    let creator = |line: &str| line.split_whitespace().nth(4).and_then(|creator| creator.parse().ok());
    let is_theirs = |line: &&str| creator(line).is_some_and(|creator| processes.contains(&creator));
    list.lines().skip(1).filter(is_theirs).map(str::to_owned).collect()
}

/// Whether a directory with this name exists at any depth below.
fn contains_directory(below: &Path, name: &str) -> bool {
    let entries = fs::read_dir(below).into_iter().flatten().flatten();
    let directories = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    directories.into_iter().any(|entry| entry.file_name() == name || contains_directory(&entry.path(), name))
}

/// Starts a campaign, waits until it fuzzes, and returns it with its processes.
fn start(dir: &TestDir) -> (Child, Vec<Stat>) {
    let program = bundled(program_with("epoll", false));
    let sockfuzz = std::process::Command::new(env!("CARGO_BIN_EXE_sockfuzz"))
        .current_dir(dir.path(""))
        .args(["fuzz", "--no-check", "-t", "2000", "-o", "out", "-i"])
        .arg(dir.corpus())
        .arg("--")
        .arg(program)
        .args(["--model", "epoll", "--listen", "127.0.0.1:8080"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sockfuzz starts");
    let pid = i32::try_from(sockfuzz.id()).expect("small");
    wait_for("the campaign begins", || dir.path("out/default/fuzzer_stats").exists().then_some(()));
    // By then, sockfuzz has registered the processes of the campaign with its guard.
    thread::sleep(Duration::from_secs(3));
    (sockfuzz, process_tree::descendants(pid))
}

fn leaves_nothing_behind(name: &str) {
    let dir = TestDir::new();
    let (mut sockfuzz, processes) = start(&dir);
    let own = i32::try_from(sockfuzz.id()).expect("small");
    let victim = match name {
        "sockfuzz" => own,
        _ => processes.iter().find(|stat| stat.comm == name).expect("it runs").pid,
    };
    kill_process(Pid::from_raw(victim).expect("a process"), Signal::KILL).expect("it lives");
    sockfuzz.wait().expect("waitpid");
    let ids: BTreeSet<_> = processes.iter().map(|stat| stat.pid).collect();
    let is_left = |stat: &&Stat| {
        let now = procfs::process::Process::new(stat.pid).and_then(|process| process.stat());
        now.is_ok_and(|now| now.starttime == stat.starttime && now.state != 'Z')
    };
    wait_for(&format!("all processes end after {name}"), || {
        processes.iter().find(is_left).is_none().then_some(())
    });
    assert_eq!(segments_of(&ids), [""; 0], "after {name}");
    let group = format!("sockfuzz-{own}");
    wait_for(&format!("the control group is removed after {name}"), || {
        (!contains_directory(Path::new("/sys/fs/cgroup"), &group)).then_some(())
    });
}

#[test]
fn killing_sockfuzz_leaves_nothing_behind() {
    leaves_nothing_behind("sockfuzz");
}

#[test]
fn killing_cargo_afl_leaves_nothing_behind() {
    leaves_nothing_behind("cargo-afl");
}

#[test]
fn killing_afl_fuzz_leaves_nothing_behind() {
    leaves_nothing_behind("afl-fuzz");
}
