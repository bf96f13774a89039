//! What sockfuzz does on a host: look, start, stop. One shell script does it, given to ssh on stdin.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::bundle_dir::{BundleDir, RUN};
use super::config::FleetConfig;
use super::connection::HostConnection;
use super::host_state::{HostState, RunState};
use crate::util::interrupt;
use crate::util::problem::Problem;

/// The script.
const SCRIPT: &str = include_str!("remote.sh");

/// Time limit for a look.
const STATE_LIMIT: Duration = Duration::from_secs(60);
/// Time limit for a start or a stop. afl-fuzz gets half a minute to write its state.
const ACTION_LIMIT: Duration = Duration::from_secs(90);
/// Time limit for the first figures after a start.
const FIRST_FIGURES_LIMIT: Duration = Duration::from_secs(90);
/// Interval of looking for the first figures.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Longest interval of AFL++'s own imports in minutes, which is its default.
const MAX_SYNC_TIME_MIN: u64 = 20;

/// Looks at a host.
///
/// # Errors
/// A host that cannot be reached or used.
pub fn state(connection: &HostConnection<'_>) -> Result<HostState> {
    let name = connection.host.name.as_str();
    let text = connection.run_script(SCRIPT, &["state", &connection.host.directory, name], STATE_LIMIT)?;
    HostState::parse(&text).map_err(|error| unusable(connection, &error).into())
}

/// Checks that a host can run the bundle.
///
/// # Errors
/// Missing programs, and another architecture.
pub fn check(connection: &HostConnection<'_>, state: &HostState, bundle: &BundleDir) -> Result<(), Problem> {
    let name = &connection.host.name;
    if !state.missing.is_empty() {
        return Err(Problem::failed(
            format!("host {name}: missing there: {}", state.missing.join(", ")),
            "install it; on Debian: apt-get install rsync util-linux; hosts must run Linux",
        ));
    }
    match bundle.machine {
        Some(machine) if machine != state.machine => Err(Problem::failed(
            format!("host {name}: its architecture is {}, but the bundle is for {machine}", state.machine),
            "make a bundle on a machine of its architecture, and give such hosts a file of hosts of their own",
        )),
        _ => Ok(()),
    }
}

/// Starts `sockfuzz fuzz` on a host, or continues it.
///
/// # Errors
/// A host that cannot be reached, or on which it cannot be started.
pub fn start(connection: &HostConnection<'_>, config: &FleetConfig) -> Result<()> {
    let jobs = connection.host.jobs.to_string();
    let sync_time = (config.interval().as_secs() / 60).clamp(1, MAX_SYNC_TIME_MIN);
    let sync_time = format!("AFL_SYNC_TIME={sync_time}");
    let run = format!("./{RUN}");
    let mut words = vec!["start", &connection.host.directory, "env", &sync_time, &run];
    words.extend(["-o", "../out", "-j", &jobs, "--host", connection.host.name.as_str(), "--no-triage"]);
    words.extend(config.flags.iter().map(String::as_str));
    act(connection, &words)
}

/// Stops `sockfuzz fuzz` on a host, and returns when it has ended.
///
/// # Errors
/// A host that cannot be reached.
pub fn stop(connection: &HostConnection<'_>) -> Result<()> {
    act(connection, &["stop", &connection.host.directory])
}

/// Waits for the first figures after a start.
///
/// # Errors
/// When `sockfuzz fuzz` has ended instead, or the host went away.
pub fn wait_for_figures(connection: &HostConnection<'_>) -> Result<HostState> {
    let deadline = Instant::now() + FIRST_FIGURES_LIMIT;
    loop {
        let state = state(connection)?;
        match state.run {
            RunState::Running if state.stats.is_empty() && Instant::now() < deadline => {}
            RunState::Running | RunState::Ended(Some(0)) => return Ok(state),
            _ => return Err(ended(connection, &state).into()),
        }
        interrupt::check()?;
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// Returns the problem of a `sockfuzz fuzz` that has ended, with its last lines.
#[must_use]
pub fn ended(connection: &HostConnection<'_>, state: &HostState) -> Problem {
    let log = state.log.join("\n  | ");
    Problem::failed(
        format!("host {}: sockfuzz fuzz {}:\n  | {log}", connection.host.name, state.run),
        format!("the whole output is in {}/run.log on the host", state.directory),
    )
}

fn act(connection: &HostConnection<'_>, words: &[&str]) -> Result<()> {
    let text = connection.run_script(SCRIPT, words, ACTION_LIMIT)?;
    match text.lines().find_map(|line| line.strip_prefix("error=")) {
        Some(error) => Err(unusable(connection, error).into()),
        None if text.lines().any(|line| line == "done=yes") => Ok(()),
        None => Err(unusable(connection, "its shell did not run the script of sockfuzz").into()),
    }
}

fn unusable(connection: &HostConnection<'_>, error: &str) -> Problem {
    Problem::failed(
        format!("host {}: {error}", connection.host.name),
        match &connection.host.ssh {
            Some(destination) => {
                format!("try: ssh {destination} true; and see `directory` in the file of hosts")
            }
            None => "see `directory` in the file of hosts".to_owned(),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::config::FleetHost;
    use crate::fleet::external::OnInterrupt;

    /// Takes its time to end after SIGTERM, as afl-fuzz does that has to write its state.
    const SLOW_TO_END: &str = "trap 'sleep 1.5; : >ended; exit' TERM; : >ready; while :; do sleep 0.1; done";

    #[test]
    fn a_stop_returns_when_all_has_ended() {
        let dir = tempfile::tempdir().expect("created");
        let bundle = dir.path().join("bundle");
        std::fs::create_dir(&bundle).expect("created");
        std::os::unix::fs::symlink("/bin/sh", bundle.join(RUN)).expect("created");
        let directory = dir.path().display().to_string();
        let host = format!("name = 'alpha'\ndirectory = '{directory}'\njobs = 1");
        let host: FleetHost = toml::from_str(&host).expect("a host");
        let connection =
            HostConnection { host: &host, bandwidth_kib_s: None, on_interrupt: OnInterrupt::Finish };
        act(&connection, &["start", &directory, &format!("./{RUN}"), "-c", SLOW_TO_END]).expect("started");
        let ready = (0..100).any(|_| {
            std::thread::sleep(Duration::from_millis(100));
            bundle.join("ready").exists()
        });
        assert!(ready, "it does not begin");
        stop(&connection).expect("stopped");
        assert!(bundle.join("ended").exists(), "it has not ended yet");
    }
}
