//! Batch runs: one server process answers many inputs, which is much faster than a process for each. An input may
//! change the answer to a later one, so callers repeat an input with an unexpected answer in a single run.

use std::time::{Duration, Instant};

use anyhow::Result;
use sockfuzz_protocol::session::Connection;
use sockfuzz_protocol::{Counter, Phase, Switch, TlsFound, answers, batch, specs};

use crate::options::PreloadOptions;
use crate::server::running::{RunningProcess, WaitOutcome};
use crate::server::single_run::{RunConfig, RunEnd, RunningServer, SingleRun};
use crate::server::status_file::StatusFile;

/// Maximum time for which the client waits for a server that keeps the half-closed connection open.
pub const MAX_LINGER: Duration = Duration::from_millis(50);

/// Number of processes that may end or hang during a batch, in addition to one for every
/// [`ANSWERS_PER_FAILURE`] answers.
pub(super) const MAX_FAILURES: usize = 3;
pub(super) const ANSWERS_PER_FAILURE: usize = 4;

/// Run of a seed through the preload.
#[derive(Debug)]
pub struct SeedRun {
    /// Answer, and end of the run.
    pub run: SingleRun,
    /// Whether the seed was answered in a batch, where earlier seeds may have changed the answer.
    pub is_warm: bool,
}

/// Answers to one input, by connection.
pub type Answers = [Vec<u8>; Connection::COUNT];

/// Result of a batch run.
#[derive(Debug)]
pub struct BatchRun {
    /// Answers to the inputs, in their order; `None` where the server ended or hung.
    pub answers: Vec<Option<Answers>>,
    /// Why transport `memory` fell back to `unix`, if it did.
    pub memory_fallback: Option<String>,
    /// What the server speaks; `None` if it did not come so far.
    pub tls: Option<TlsFound>,
    /// Whether the server has drawn keys for hash maps of Rust's std.
    pub draws_hash_keys: bool,
}

impl BatchRun {
    /// Converts the answers to finished single runs.
    #[must_use]
    pub fn runs(self) -> Vec<Option<SingleRun>> {
        let Self { answers, memory_fallback, tls, draws_hash_keys } = self;
        let run = |answers| SingleRun {
            answers,
            output: Vec::new(),
            end: RunEnd::Finished,
            phase: Phase::Finished,
            port: 0,
            other_ports: Vec::new(),
            exited: false,
            internal_error: false,
            memory_fallback: memory_fallback.clone(),
            tls,
            draws_hash_keys,
            crash: None,
        };
        answers.into_iter().map(|answers| answers.map(run)).collect()
    }
}

impl RunConfig<'_> {
    /// Runs the inputs one after the other in one process. An input that ends or hangs it has no answer, and another
    /// process continues with the next input. After too many such failures, the remaining inputs have no answer.
    ///
    /// # Errors
    /// The errors of [`Self::run`].
    pub fn run_batch(&self, inputs: &[&[u8]], on_answer: &dyn Fn()) -> Result<BatchRun> {
        let options = batch_options(self.options);
        let config = RunConfig { options: &options, ..*self };
        let mut memory_fallback = None;
        let mut tls = None;
        let mut draws_hash_keys = false;
        let answers = answer_in_turn(inputs.len(), |begin| {
            let (answers, status) = config.run_one_process(&inputs[begin..], on_answer)?;
            memory_fallback = status.memory_fallback().or(memory_fallback.take());
            tls = status.tls().or(tls);
            draws_hash_keys |= status.has_hash_keys();
            Ok(answers)
        })?;
        Ok(BatchRun { answers, memory_fallback, tls, draws_hash_keys })
    }

    /// Runs the inputs one after the other in one process, up to the first that ends or hangs it, and returns the answers.
    ///
    /// # Errors
    /// The errors of [`Self::run`].
    pub fn run_in_one_process(&self, inputs: &[&[u8]]) -> Result<Vec<Answers>> {
        let options = batch_options(self.options);
        let config = RunConfig { options: &options, ..*self };
        Ok(config.run_one_process(inputs, &|| ())?.0)
    }

    /// Waits until a process has played its inputs, ends, or exceeds the time limit with one of them. `on_input` is called
    /// for each input that begins.
    ///
    /// # Errors
    /// When the user interrupts.
    pub(super) fn wait_for_inputs(
        &self,
        running: &mut RunningProcess,
        status: &StatusFile,
        on_input: &dyn Fn(),
    ) -> Result<WaitOutcome> {
        let mut begun = 0;
        let mut deadline = Instant::now() + self.timeout;
        let is_over = || {
            let now_begun = status.count(Counter::Iterations);
            if now_begun > begun {
                (begun..now_begun).for_each(|_| on_input());
                begun = now_begun;
                deadline = Instant::now() + self.timeout;
            }
            status.phase() == Phase::Finished || Instant::now() >= deadline
        };
        running.wait(None, is_over)
    }

    fn run_one_process(&self, inputs: &[&[u8]], on_answer: &dyn Fn()) -> Result<(Vec<Answers>, StatusFile)> {
        let RunningServer { mut running, status, stdout, .. } =
            self.start(&batch::encode(inputs.iter().copied()))?;
        let waited = self.wait_for_inputs(&mut running, &status, on_answer)?;
        if waited == WaitOutcome::Done && status.phase() == Phase::Finished {
            running.wait(Some(Instant::now() + self.timeout), || false)?;
        }
        drop(running);
        let mut answered = answers::split(&stdout.content()?);
        answered.truncate(inputs.len());
        Ok((answered, status))
    }
}

/// Answers `count` inputs. `answer_from` starts a process that begins at the input of the given index, and returns
/// the answers up to the input at which that process failed.
///
/// # Errors
/// The errors of `answer_from`.
pub fn answer_in_turn<T>(
    count: usize,
    mut answer_from: impl FnMut(usize) -> Result<Vec<T>>,
) -> Result<Vec<Option<T>>> {
    let mut answers = Vec::with_capacity(count);
    let mut failures = 0;
    while answers.len() < count && failures <= MAX_FAILURES + answers.len() / ANSWERS_PER_FAILURE {
        answers.extend(answer_from(answers.len())?.into_iter().map(Some));
        if answers.len() < count {
            answers.push(None);
            failures += 1;
        }
    }
    answers.resize_with(count, || None);
    Ok(answers)
}

/// Returns the options of a batch run.
pub(super) fn batch_options(options: &PreloadOptions) -> PreloadOptions {
    let linger_ms = MAX_LINGER.as_millis().min(options.parsed().linger_ms.into());
    options
        .with(specs::BATCH.variable, Switch::On.to_string())
        .with(specs::LINGER.variable, linger_ms.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the answers of a server that fails at the inputs selected by `fails`, and its number of processes.
    fn answers(count: usize, fails: impl Fn(usize) -> bool) -> (Vec<Option<usize>>, usize) {
        let mut processes = 0;
        let answers = answer_in_turn(count, |begin| {
            processes += 1;
            Ok((begin..count).take_while(|index| !fails(*index)).collect())
        });
        (answers.expect("no process reports an error"), processes)
    }

    #[test]
    fn one_process_answers_all_inputs() {
        assert_eq!(answers(3, |_| false), (vec![Some(0), Some(1), Some(2)], 1));
    }

    #[test]
    fn a_new_process_continues_after_a_failure() {
        assert_eq!(answers(4, |index| index == 1), (vec![Some(0), None, Some(2), Some(3)], 2));
    }

    #[test]
    fn a_server_that_always_fails_is_given_up() {
        let (answers, processes) = answers(100, |_| true);
        assert_eq!(answers, vec![None; 100]);
        assert!(processes < 10, "{processes}");
    }
}
