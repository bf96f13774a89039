//! Worker processes: each runs a server of its own. (A process of sockfuzz kills all its descendants when a server ends, so
//! one process cannot run two.) A worker reads jobs from stdin and writes their results to stdout, one per line.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread;

use anyhow::{Context, Result};

use super::job::{Job, JobResult};
use crate::server::loop_run::ProcessRunner;
use crate::server::running::RunningProcess;
use crate::server::single_run::RunConfig;
use crate::util::interrupt;

/// How to start workers.
#[derive(Debug, Clone)]
pub struct WorkerCommand {
    /// The program of sockfuzz.
    pub program: PathBuf,
    /// Arguments that make it a worker for the same campaign.
    pub arguments: Vec<OsString>,
    /// Working directory of these arguments.
    pub directory: PathBuf,
    /// Number of workers.
    pub count: usize,
}

/// Runs the jobs on stdin, up to its end.
///
/// # Errors
/// A job that cannot be read or fails, or an interruption by the user.
pub fn serve(config: RunConfig<'_>) -> Result<()> {
    let mut runner = ProcessRunner::new(config)?;
    for line in io::stdin().lines() {
        let job: Job = serde_json::from_str(&line?).context("not a job of sockfuzz triage")?;
        let result = serde_json::to_string(&job.run(&mut runner)?)?;
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{result}")?;
        stdout.flush()?;
    }
    Ok(())
}

impl WorkerCommand {
    /// Runs jobs side by side, and returns their results in the same order. `on_done` is called after each.
    ///
    /// # Errors
    /// A worker that cannot be started or fails, or an interruption by the user.
    pub(super) fn run(&self, jobs: &[Job], mut on_done: impl FnMut()) -> Result<Vec<JobResult>> {
        let mut workers = Vec::new();
        for _ in 0..self.count.min(jobs.len()) {
            let mut command = Command::new(&self.program);
            command.args(&self.arguments).current_dir(&self.directory);
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut process = RunningProcess::start(command)?;
            let pipes = process.take_pipes().context("a worker has no pipes")?;
            workers.push((process, pipes));
        }
        let (processes, pipes): (Vec<_>, Vec<_>) = workers.into_iter().unzip();
        let next = AtomicUsize::new(0);
        let results = Mutex::new(vec![None; jobs.len()]);
        let (sender, done) = mpsc::channel();
        thread::scope(|scope| {
            for pipes in pipes {
                let (next, results, sender) = (&next, &results, sender.clone());
                scope.spawn(move || converse(pipes, jobs, next, results, &sender));
            }
            drop(sender);
            done.iter().for_each(|()| on_done());
        });
        drop(processes);
        interrupt::check()?;
        let results = results.into_inner().unwrap_or_default();
        results.into_iter().collect::<Option<Vec<_>>>().context("a worker of triage has ended early")
    }
}

/// Gives jobs to a worker, one after the other, until there are no more or it ends.
fn converse(
    (mut stdin, stdout): (ChildStdin, ChildStdout),
    jobs: &[Job],
    next: &AtomicUsize,
    results: &Mutex<Vec<Option<JobResult>>>,
    done: &mpsc::Sender<()>,
) {
    let mut lines = BufReader::new(stdout).lines();
    loop {
        let index = next.fetch_add(1, SeqCst);
        let Some(job) = jobs.get(index) else { return };
        let Ok(job) = serde_json::to_string(job) else { return };
        if writeln!(stdin, "{job}").is_err() {
            return;
        }
        let Some(Ok(line)) = lines.next() else { return };
        let Ok(result) = serde_json::from_str(&line) else { return };
        if let Ok(mut results) = results.lock() {
            results[index] = Some(result);
        }
        // The receiver lives as long as the workers.
        let _ = done.send(());
    }
}
