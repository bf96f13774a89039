//! Campaigns on several hosts: files of hosts, exchange, hosts that go away, collection.

#[path = "sync/fleet_fixture.rs"]
mod fleet_fixture;

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use common::TestDir;
use fleet_fixture::{FleetFixture, HOSTS, Lab};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;

/// Maximum time for a host to take over what another one has found: afl-fuzz looks every half minute.
const IMPORT_TIMEOUT: Duration = Duration::from_secs(180);

/// Returns the names of the inputs in a queue.
fn files_in(queue: &Path) -> Vec<String> {
    let entries = fs::read_dir(queue).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("id:")).collect()
}

/// Whether a queue holds inputs that came from the hub.
fn has_imported(queue: &Path) -> bool {
    files_in(queue).iter().any(|name| name.contains(",sync:fleet,"))
}

#[test]
fn an_example_is_written_and_not_overwritten() {
    let dir = TestDir::new();
    dir.sockfuzz().args(["sync", "init"]).assert().code(0).stdout("hosts.toml\n");
    let example = fs::read_to_string(dir.path("hosts.toml")).expect("written");
    assert!(example.contains("[[hosts]]"), "{example}");
    dir.sockfuzz().args(["sync", "init"]).assert().code(1).stderr(contains("hosts.toml exists"));
    dir.sockfuzz().args(["sync", "start"]).assert().code(1).stderr(contains("sockfuzz bundle -o DIR"));
}

#[test]
fn a_missing_or_wrong_file_of_hosts_is_named() {
    let dir = TestDir::new();
    dir.sockfuzz().args(["sync", "status", "none.toml"]).assert().code(1).stderr(contains("sync init"));
    dir.write("hosts.toml", b"bundle = 'b'\noutput = 'o'\ninterval = 1\nhosts = []\n");
    let error = contains("unknown field `interval`").and(contains("hosts.toml cannot be used"));
    dir.sockfuzz().args(["sync", "status"]).assert().code(1).stderr(error);
}

#[test]
fn an_output_directory_of_something_else_is_refused() {
    let dir = TestDir::new();
    dir.write("hub/thesis.tex", b"x");
    dir.write("hosts.toml", b"bundle='b'\noutput='hub'\nhosts=[{name='a',directory='/nowhere',jobs=1}]\n");
    dir.sockfuzz().args(["sync", "status"]).assert().code(1).stderr(contains("neither empty nor"));
}

#[test]
fn a_host_that_cannot_be_reached_is_a_warning() {
    if common::installed("ssh", "openssh-client").is_none() {
        return;
    }
    let dir = TestDir::new();
    let port = common::free_port();
    let hosts = format!(
        "bundle='b'\noutput='hub'\n[[hosts]]\nname='gone'\nssh='127.0.0.1'\nssh_options=['-p','{port}','-F','/dev/null']\n\
         directory='d'\njobs=1\n"
    );
    dir.write("hosts.toml", hosts.as_bytes());
    let warning = contains("host gone is unreachable").and(contains("Connection refused"));
    dir.sockfuzz().args(["sync", "status"]).assert().code(1).stdout(contains("unreachable")).stderr(warning);
}

#[test]
fn hosts_exchange_and_one_that_lost_everything_is_continued() {
    if common::installed("rsync", "rsync").is_none() {
        return;
    }
    let fleet = FleetFixture::new(None);
    fleet.sync(&["start"]).code(0).stderr(contains("2 of 2 hosts running"));
    fleet.sync(&["start"]).code(0).stderr(contains("host alpha: runs already"));
    fleet.sync(&["exchange"]).code(0).stderr(contains("exchange: 2 hosts,"));
    let deadline = Instant::now() + IMPORT_TIMEOUT;
    while !HOSTS.iter().all(|host| has_imported(&fleet.instance(host).join("queue"))) {
        assert!(Instant::now() < deadline, "no host takes over what the other has found");
        fleet.sync(&["exchange"]).code(0);
        std::thread::sleep(Duration::from_secs(2));
    }

    fleet.kill("alpha");
    let again =
        contains("alpha: sockfuzz fuzz killed; it is started again").and(contains("beta: killed").not());
    fleet.sync(&["watch", "--for", "1"]).code(0).stderr(again);
    let before = fleet.executions("alpha");
    fleet.sync(&["exchange"]).code(0);

    fleet.kill("alpha");
    fs::remove_dir_all(fleet.directory("alpha")).expect("removed");
    fleet.sync(&["watch", "--for", "1"]).code(0).stderr(contains("alpha: had lost its output directory"));
    assert!(fleet.executions("alpha") >= before, "the figures go on");

    fleet.sync(&["stop"]).code(0).stdout(contains("stopped").and(contains("report.html")));
    let report = fleet.report();
    let names: Vec<_> =
        report["instances"].as_array().expect("instances").iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["alpha-main", "beta-main"], "inputs from the hub are no instance");
    let of_hosts: u64 = HOSTS.iter().map(|host| fleet.executions(host)).sum();
    assert_eq!(report["summary"]["executions"], of_hosts, "each execution is counted once");
    let own = fleet.report_of("beta");
    assert_eq!(own["summary"]["executions"], fleet.executions("beta"));
    let queue = files_in(&fleet.instance("beta").join("queue"));
    assert_eq!(own["requested_paths"]["inputs"], queue.len(), "inputs from the hub are not counted twice");
    fleet.sync(&["watch", "--for", "1"]).code(0).stderr(contains("started").not());
    fleet.fuzz("alpha", &["--host", "gamma"]).code(1).stderr(contains("was started with --host alpha"));
}

#[test]
fn hosts_over_ssh_go_away_and_come_back() {
    let Some(lab) = Lab::up() else { return };
    let fleet = FleetFixture::new(Some(&lab));
    fleet.sync(&["start"]).code(0);
    fleet.sync(&["exchange"]).code(0).stderr(contains("exchange: 2 hosts,"));
    lab.script("kill", &["alpha"]);
    let gone = contains("host alpha is unreachable").count(1);
    fleet.sync(&["exchange"]).code(1).stderr(gone.and(contains("exchange: 1 host,")));
    lab.script("back", &["alpha"]);
    let again = contains("alpha: sockfuzz fuzz killed; it is started again");
    fleet.sync(&["watch", "--for", "1"]).code(0).stderr(again);
    fleet.sync(&["stop"]).code(0);
    let of_hosts: u64 = HOSTS.iter().map(|host| fleet.executions(host)).sum();
    assert_eq!(fleet.report()["summary"]["executions"], of_hosts, "each execution is counted once");
    assert!(!is_running_in(&lab, "alpha"), "nothing of the campaign is left");
}

/// Whether a process of a campaign runs in the host's network.
fn is_running_in(lab: &Lab, host: &str) -> bool {
    let pids =
        Command::new("ip").args(["netns", "pids", &lab.namespace(host)]).output().expect("runs").stdout;
    let pids = String::from_utf8_lossy(&pids).into_owned();
    let names = pids.lines().filter_map(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).ok());
    names.into_iter().any(|name| ["sockfuzz", "afl-fuzz", "sh"].contains(&name.trim()))
}
