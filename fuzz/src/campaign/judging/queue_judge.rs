//! Judge of the inputs in the queues of a campaign.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sockfuzz_protocol::session::Connection;

use super::judged_inputs::JudgedInputs;
use super::settings::{self, DIRECTORY};
use crate::campaign::findings::{self, directory_of, value_in_name};
use crate::input::corpus;
use crate::input::judge::{Fault, Judge};
use crate::server::plain_run;
use crate::server::single_run::{FindingKind, RunConfig};
use crate::server::tcp_client::TcpAnswers;
use crate::util::fingerprint::fingerprint;
use crate::util::interrupt;

/// Number of inputs that one process of the server answers, at most.
const BATCH: usize = 200;

/// Number of inputs with a fault that are tried on the plain server, if it does not give the answer.
const MAX_ATTEMPTS: usize = 20;

/// Key of a fault in the name of its file.
pub const KEY: &str = "key:";

/// Numbers of what was judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JudgeCounts {
    /// Inputs.
    pub inputs: u64,
    /// Wrong answers that were saved.
    pub saved: u64,
    /// Faults that only the server under sockfuzz has shown, such as those of the sandbox.
    pub unconfirmed: u64,
}

/// Judge of the queues of a campaign.
#[derive(Debug)]
pub struct QueueJudge<'a> {
    out: &'a Path,
    config: RunConfig<'a>,
    seeds: PathBuf,
    judge: Judge,
    judged: JudgedInputs,
    /// Files that have been read.
    seen: HashSet<PathBuf>,
    /// Keys of the faults that are saved.
    saved: HashSet<String>,
    /// Attempts to confirm faults, by their keys.
    attempts: HashMap<String, usize>,
    counts: JudgeCounts,
}

impl<'a> QueueJudge<'a> {
    /// Prepares to judge the campaign in this output directory. Returns `None` if it judges no answers.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn open(out: &'a Path, config: RunConfig<'a>) -> Result<Option<Self>> {
        let Some(rules) = settings::read(out)? else { return Ok(None) };
        let directory = out.join(DIRECTORY);
        fs::create_dir_all(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
        let judged = JudgedInputs::open(&directory, &fingerprint(&serde_json::to_vec(&rules)?))?;
        let saved = findings::files(out).iter().filter_map(|file| value_in_name(file, KEY)).collect();
        Ok(Some(Self {
            out,
            config,
            seeds: rules.seeds.clone(),
            judge: Judge::new(rules),
            judged,
            seen: HashSet::new(),
            saved,
            attempts: HashMap::new(),
            counts: JudgeCounts::default(),
        }))
    }

    /// Returns what was judged so far.
    #[must_use]
    pub fn counts(&self) -> JudgeCounts {
        let is_open = |key: &&String| !self.saved.contains(*key);
        JudgeCounts { unconfirmed: self.attempts.keys().filter(is_open).count() as u64, ..self.counts }
    }

    /// Judges the seeds and what is new in the queues.
    ///
    /// # Errors
    /// When the server cannot be started, a finding cannot be written, or the user interrupts.
    pub fn judge_new(&mut self) -> Result<()> {
        let mut new: Vec<(PathBuf, Vec<u8>)> = Vec::new();
        // There is no queue before an instance has started.
        let queues = findings::queues(self.out).unwrap_or_default();
        for directory in [self.seeds.clone()].into_iter().chain(queues) {
            for file in corpus::files_below(&directory).unwrap_or_default() {
                if !self.seen.insert(file.clone()) {
                    continue;
                }
                // afl-fuzz may have removed it just now.
                let Ok(bytes) = fs::read(&file) else { continue };
                if !bytes.is_empty()
                    && !self.judged.contains(&bytes)
                    && !new.iter().any(|(_, it)| *it == bytes)
                {
                    new.push((file, bytes));
                }
            }
        }
        new.chunks(BATCH).try_for_each(|batch| self.judge_batch(batch))
    }

    fn judge_batch(&mut self, batch: &[(PathBuf, Vec<u8>)]) -> Result<()> {
        let inputs: Vec<_> = batch.iter().map(|(_, input)| input.as_slice()).collect();
        let answers = self.config.run_batch(&inputs, &|| {})?.answers;
        for ((file, input), answers) in batch.iter().zip(answers) {
            interrupt::check()?;
            if let Some(answers) = answers {
                self.judge_answers(file, input, &answers)?;
                self.judged.add(input);
            }
            self.counts.inputs += 1;
        }
        Ok(())
    }

    /// Saves the faults of an input that are new and that the plain server shows, too.
    fn judge_answers(
        &mut self,
        file: &Path,
        input: &[u8],
        answers: &[Vec<u8>; Connection::COUNT],
    ) -> Result<()> {
        let mut suspects = self.judge.faults(input, self.config.options.parsed().input, answers);
        suspects.retain(|fault| {
            let key = fault.key();
            !self.saved.contains(&key) && self.attempts.get(&key).is_none_or(|count| *count < MAX_ATTEMPTS)
        });
        if suspects.is_empty() {
            return Ok(());
        }
        let (faults, _) = confirm(&self.config, &self.judge, input)?;
        for suspect in suspects {
            let key = suspect.key();
            *self.attempts.entry(key.clone()).or_default() += 1;
            if faults.iter().any(|fault| fault.key() == key) {
                self.save(file, input, &suspect)?;
                self.saved.insert(key);
                self.counts.saved += 1;
            }
        }
        Ok(())
    }

    /// Saves an input with its fault, under a name as afl-fuzz gives it.
    fn save(&self, file: &Path, input: &[u8], fault: &Fault) -> Result<()> {
        let directory = self.out.join(DIRECTORY).join(directory_of(FindingKind::WrongAnswer));
        let time: u64 = value_in_name(file, "time:").unwrap_or_default();
        let executions: u64 = value_in_name(file, "execs:").unwrap_or_default();
        let name = format!(
            "id:{:06},status:{},fault:{},time:{time},execs:{executions},{KEY}{}",
            self.saved.len(),
            fault.status,
            fault.word(),
            fault.key()
        );
        let path = directory.join(name);
        let partial = self.out.join(DIRECTORY).join("partial");
        fs::create_dir_all(&directory)
            .and_then(|()| fs::write(&partial, input))
            .and_then(|()| fs::rename(&partial, &path))
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Returns the faults of the plain server's answers to an input, and the answers.
///
/// # Errors
/// When the server never listens, or the user interrupts.
pub fn confirm(config: &RunConfig<'_>, judge: &Judge, input: &[u8]) -> Result<(Vec<Fault>, Vec<TcpAnswers>)> {
    let run = plain_run::run(config, &[input.to_vec()])?;
    let faults = match run.answers.last() {
        Some(answers) if !answers.timed_out => {
            judge.faults(input, config.options.parsed().input, &known_parts(answers))
        }
        _ => Vec::new(),
    };
    Ok((faults, run.answers))
}

/// Returns the answers, without those of connections that the server has reset, of which a part may be lost.
fn known_parts(answers: &TcpAnswers) -> [Vec<u8>; Connection::COUNT] {
    let mut known = answers.bytes.clone();
    known.iter_mut().zip(answers.reset).filter(|(_, reset)| *reset).for_each(|(answer, _)| answer.clear());
    known
}
