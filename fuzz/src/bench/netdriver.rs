//! nginx under honggfuzz's netdriver, for comparison. `main` of nginx runs in a thread of a process that
//! sends each input to it over TCP.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::measurement::Measurement;
use crate::recipe::{Home, Recipe, RecipeRow};
use crate::server::running::{RunningProcess, WaitOutcome};
use crate::util::affinity::PinnedThread;
use crate::util::printable::last_lines;
use crate::util::problem::Problem;
use crate::util::workspace::Workspace;

/// Directory that `harness/servers/netdriver/build` writes to, below the target directory.
const BUILT: &str = "servers/netdriver";

/// Default port of netdriver, which has its own network namespace. Another port cannot be set, because nginx
/// clears the environment.
const PORT: u16 = 8080;

/// Maximum number of lines of honggfuzz's output that a message repeats.
const MAX_OUTPUT_LINES: usize = 4;

/// Directive for nginx, whose workers have no other user to switch to in netdriver's user namespace.
const STAY_ROOT: &str = "user root root;";

#[derive(Debug, Clone)]
pub(super) struct NetDriver {
    honggfuzz: PathBuf,
    home: Rc<Home>,
}

impl NetDriver {
    /// Remedy if the netdriver has not been built.
    pub(super) const REMEDY: &str =
        "nginx/netdriver: build honggfuzz and nginx for it with harness/servers/netdriver/build";

    /// Returns the netdriver, if it has been built.
    pub(super) fn find(workspace: &Workspace, recipe: &Recipe, row: &RecipeRow) -> Result<Option<Self>> {
        let built = workspace.target(BUILT);
        let (honggfuzz, nginx) = (built.join("honggfuzz/honggfuzz"), built.join("sbin/nginx"));
        if !honggfuzz.exists() || !nginx.exists() {
            return Ok(None);
        }
        let home = Rc::new(Home::render_for(workspace, recipe, row, nginx, PORT)?);
        Ok(Some(Self { honggfuzz, home }))
    }

    pub(super) fn measure(
        &self,
        corpus: &Path,
        time_limit: Duration,
        executions: u64,
    ) -> Result<Measurement> {
        let directory = tempfile::tempdir()?;
        let log = directory.path().join("log");
        let output = File::create(&log)?;
        let mut command = self.command(corpus, directory.path(), time_limit, executions);
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let pinned = PinnedThread::to_one_core()?;
        let start = Instant::now();
        let mut running = RunningProcess::start_in_background(command)?;
        // honggfuzz checks its own limit only between two inputs.
        let waited = running.wait(Some(start + 2 * time_limit), || false)?;
        let elapsed = start.elapsed();
        drop(running);
        drop(pinned);
        let output = std::fs::read(&log).context("cannot read honggfuzz's output")?;
        let iterations = iterations(&String::from_utf8_lossy(&output));
        match (waited, iterations) {
            (WaitOutcome::Ended(status), Some(executions)) if status.success() => Ok(Measurement {
                executions,
                // honggfuzz's own figure is based on whole seconds.
                per_second: executions as f64 / elapsed.as_secs_f64(),
                stability: None,
                warnings: Vec::new(),
            }),
            _ => {
                let lines = last_lines(&output, MAX_OUTPUT_LINES).join("\n  ");
                let remedy =
                    "build it again with harness/servers/netdriver/build, or leave it out with --only";
                Err(Problem::failed(format!("honggfuzz failed; its last output:\n  {lines}"), remedy).into())
            }
        }
    }

    /// Returns the command line of honggfuzz, which writes to `directory`.
    fn command(&self, corpus: &Path, directory: &Path, time_limit: Duration, executions: u64) -> Command {
        let mut command = Command::new(&self.honggfuzz);
        command
            .args(["--threads", "1", "--verbose", "--iterations", &executions.to_string()])
            .args(["--run_time", &time_limit.as_secs().max(1).to_string(), "--input"])
            .arg(corpus)
            .arg("--output")
            .arg(directory.join("corpus"))
            .arg("--workspace")
            .arg(directory)
            .arg("--")
            .arg(&self.home.server.program)
            .args(&self.home.server.arguments)
            .args(["-g", STAY_ROOT]);
        command
    }
}

/// Returns the number of iterations in the summary of honggfuzz.
fn iterations(output: &str) -> Option<u64> {
    let summary = output.lines().rev().find(|line| line.starts_with("Summary "))?;
    summary.split_whitespace().find_map(|word| word.strip_prefix("iterations:"))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iterations_are_read_from_the_summary() {
        let output = "Sz:4 Tm:40us\nSummary iterations:10001 time:3 speed:3333 crashes_count:0\n";
        assert_eq!(iterations(output), Some(10001));
        assert_eq!(iterations("Terminating"), None);
    }
}
