//! Log of a fuzz target in libFuzzer's words, on stderr: ClusterFuzz and OSS-Fuzz read figures and findings from it.

use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::fuzz_target::unit::Unit;

/// Longest input that is shown as text.
const MAX_SHOWN_BYTES: usize = 256;

/// Kind of a line of progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The corpus has been run.
    Inited,
    /// An input reached something new.
    New,
    /// Nothing happened.
    Pulse,
    /// The run is over.
    Done,
}

impl Event {
    fn word(self) -> &'static str {
        match self {
            Self::Inited => "INITED",
            Self::New => "NEW   ",
            Self::Pulse => "pulse ",
            Self::Done => "DONE  ",
        }
    }
}

/// Figures of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Inputs that ran.
    pub runs: u64,
    /// Edges that were reached.
    pub edges: u64,
    /// Pairs of an edge and of how often it was passed, in powers of two; for afl-fuzz, which does not count them, the edges.
    pub features: u64,
    /// Inputs in the corpus.
    pub corpus: u64,
    /// Their bytes together, if that is known.
    pub corpus_bytes: Option<u64>,
    /// Inputs that were added.
    pub added: u64,
    /// Largest memory of a process, in MiB.
    pub rss_mib: u64,
}

/// Log of one run.
#[derive(Debug)]
pub struct RunLog {
    begin: Instant,
}

impl RunLog {
    /// Begins a log. The time of the run counts from `begin`.
    #[must_use]
    pub fn new(begin: Instant) -> Self {
        Self { begin }
    }

    /// Returns the time of the run so far.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.begin.elapsed()
    }

    /// Prints a line of progress.
    pub fn progress(&self, event: Event, figures: &Figures) {
        let Figures { runs, edges, features, corpus, corpus_bytes, rss_mib, .. } = figures;
        let bytes = corpus_bytes.map_or(String::new(), |bytes| format!("/{bytes}b"));
        eprintln!(
            "#{runs}\t{} cov: {edges} ft: {features} corp: {corpus}{bytes} exec/s: {} rss: {rss_mib}Mb",
            event.word(),
            self.per_second(*runs)
        );
    }

    /// Prints the last line of a run that was not ended by a finding.
    pub fn done(&self, figures: &Figures) {
        self.progress(Event::Done, figures);
        eprintln!("Done {} runs in {} second(s)", figures.runs, self.elapsed().as_secs());
    }

    /// Prints the figures at the end.
    pub fn final_figures(&self, figures: &Figures) {
        for (name, value) in [
            ("number_of_executed_units", figures.runs),
            ("average_exec_per_sec", self.per_second(figures.runs)),
            ("new_units_added", figures.added),
            ("peak_rss_mb", figures.rss_mib),
        ] {
            eprintln!("stat::{:<27} {value}", format!("{name}:"));
        }
    }

    fn per_second(&self, runs: u64) -> u64 {
        runs / self.elapsed().as_secs().max(1)
    }
}

/// Prints which parts of the server are watched.
pub fn loaded(server: &Path, edges: u64) {
    eprintln!("INFO: Loaded 1 modules   ({edges} guards): {edges} [{}],", server.display());
}

/// Prints the size of the corpus.
pub fn seed_corpus(units: &[Unit]) {
    let lengths = || units.iter().map(|unit| unit.bytes.len());
    let (min, max) = (lengths().min().unwrap_or(0), lengths().max().unwrap_or(0));
    eprintln!(
        "INFO: seed corpus: files: {} min: {min}b max: {max}b total: {}b rss: {}Mb",
        units.len(),
        lengths().sum::<usize>(),
        own_rss_mib()
    );
}

/// Prints where an artifact was written.
pub fn written(prefix: &str, path: &str, unit: &Unit) {
    eprintln!("artifact_prefix='{prefix}'; Test unit written to {path}");
    if unit.bytes.len() <= MAX_SHOWN_BYTES {
        eprintln!("Base64: {}", BASE64_STANDARD.encode(&unit.bytes));
    }
}

/// Returns the largest memory that this process has had, in MiB (proc_pid_status(5)).
#[must_use]
pub fn own_rss_mib() -> u64 {
    let status = procfs::process::Process::myself().and_then(|process| process.status());
    status.ok().and_then(|status| status.vmhwm).unwrap_or(0) >> 10
}
